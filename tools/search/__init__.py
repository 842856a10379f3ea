"""`search`: passages of a corpus, with their source."""
