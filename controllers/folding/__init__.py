"""Contexts that are replaced by something shorter."""
