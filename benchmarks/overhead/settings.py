"""What one run of the benchmark is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SERVED_NAME = "bench"
"""What every server calls the model."""

DEFAULT_CONTROLLERS: tuple[Mapping[str, Any], ...] = (
    {"name": "thinking_budget", "tokens": 100_000},
    {"name": "hint_infer", "rounds": 0},
)
"""Two controllers that watch every boundary they can and never act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run; written into the result as it is."""

    model: Path
    """The directory of the model."""
    repeats: int = 5
    tokens: int = 64
    """Tokens of every answer, exactly."""
    prompt_words: int = 24
    requests: Mapping[int, int] = field(default_factory=lambda: {1: 24, 16: 192, 64: 512})
    """Requests of one measurement, by concurrency."""
    growth_requests: int = 1000
    """Requests between the two looks at memory and descriptors; 0 leaves that part out."""
    warm_up_rounds: int = 4
    controllers: tuple[Mapping[str, Any], ...] = DEFAULT_CONTROLLERS
    engine_args: Mapping[str, Any] = field(default_factory=dict)
    """vLLM's engine arguments, given alike to vLLM's own server and to Flyball."""
    seed: int = 0
