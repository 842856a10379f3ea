"""Parts of the methods that end thinking early: segments, repetition, TrimR's rules, endings, late verdicts."""
