"""What a network costs, what a result looks at, and how many rows are held meanwhile."""
