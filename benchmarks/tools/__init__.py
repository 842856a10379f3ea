"""What the tools cost and how well they work."""
