"""What a model is told of its budget, and when it is told to go on."""
