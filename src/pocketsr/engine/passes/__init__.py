"""Graph to graph: fewer, simpler operations that give the same."""
