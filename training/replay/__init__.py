"""Offline replay: what a method would have done to traces that were recorded without it."""
