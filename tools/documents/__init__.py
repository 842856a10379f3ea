"""Documents: their text in sections that say where they stand."""
