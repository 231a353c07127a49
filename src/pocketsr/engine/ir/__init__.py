"""The operations of a network, and what they mean in NumPy."""
