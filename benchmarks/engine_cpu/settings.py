"""What one run of the benchmark is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run; written into the result as it is."""

    model: Path
    """The directory of the model."""
    repeats: int = 4
    tokens: int = 64
    """Tokens of every answer, exactly."""
    prompt_tokens: int = 32
    requests: Mapping[int, int] = field(default_factory=lambda: {1: 12, 16: 96, 64: 384})
    """Calls of one measurement, by how many run at once."""
    serial_requests: int = 48
    """The same for the arm that serves one call after another; at least so many as run at once."""
    resumed: int = 6
    """Calls of one measurement that go on from an edit."""
    resumed_tokens: int = 1277
    """Prompt and answer so far of such a call."""
    edit_at: int = 1217
    """Where the edit is; what follows is new to the engine."""
    seed: int = 0
