"""The parts of the `openai` engine, one concept a file; `..openai` puts them together."""
