"""Verifiers: does a passage reach a result, and do two of them reach the same one?"""
