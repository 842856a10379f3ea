"""One route a file; each is thin."""
