"""What a network costs, what a result depends on, and how many rows are held meanwhile."""
