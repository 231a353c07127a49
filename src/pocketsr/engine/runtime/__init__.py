"""C to a library, kept in a cache, and a callable."""
