"""A graph to one C file."""
