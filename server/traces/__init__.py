"""The trace store: every episode with its trajectories and decisions, in SQLite or PostgreSQL."""
