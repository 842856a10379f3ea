"""What is taken out of a record before it is stored: keys always, other text where the operator wants it."""
