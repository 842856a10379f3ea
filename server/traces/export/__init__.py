"""Episodes as tables: JSON lines, or parquet for what reads columns."""
