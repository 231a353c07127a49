"""Which network will fit, before any is trained: a space, its costs, the time it would take, and the best of it."""
