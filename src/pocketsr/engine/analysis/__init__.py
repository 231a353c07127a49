"""What a network looks at, and what its rows hold."""
