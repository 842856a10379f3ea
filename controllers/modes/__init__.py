"""How adaptive_think decides: what it finds out about a question, and what each choice does to the prompt."""
