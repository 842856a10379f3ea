"""Auxiliary models: configured, named and priced; controllers, strategies and tools ask them."""
