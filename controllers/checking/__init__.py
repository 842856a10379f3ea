"""Checks that a model writes for a request, and what they say of an answer."""
