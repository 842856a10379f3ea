"""Which tools a model is offered."""
