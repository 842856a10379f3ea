"""`flyball traces`: look at stored episodes, and take them elsewhere."""
