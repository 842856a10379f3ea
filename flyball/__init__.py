"""A governor for reasoning LLMs: serve, steer and train them behind one OpenAI-compatible endpoint."""

__version__ = "0.1.0"
