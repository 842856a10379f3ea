"""What went wrong in the last calls, and where the action began that failed."""
