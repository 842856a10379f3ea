"""What it costs to look for boundaries in thinking: the decode loop with and without, `make bench-scanning`."""
