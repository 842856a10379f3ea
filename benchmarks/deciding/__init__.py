"""How long a decision by rule takes, before a trajectory is rendered: `make bench-deciding`."""
