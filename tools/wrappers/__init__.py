"""Behaviour that any tool may be given: each wrapper is a Tool around a Tool."""
