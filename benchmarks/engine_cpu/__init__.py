"""What the engine's settings on a CPU do: the same calls to vLLM behind Flyball's adapter, set in several ways, in turns."""
