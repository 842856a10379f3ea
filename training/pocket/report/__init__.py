"""What the pocket models measure: the goals of world-v1, through a real server, as tables, plots and counts."""
