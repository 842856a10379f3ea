"""pocket_training.md."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec

from .sampling import Part

GOAL_HOURS = 3.0


_PAGE = """# How long the pocket models take to train

`make bench-pocket-training` looks at every {every}th pool of 1,024 examples of both recipes, takes {steps} steps of it with
the network as it is at that place, and adds up: an estimate of `flyball pocket train` for both roles, one after the other.

**Both models: {hours:.2f} hours** (goal: at most {goal:g}).

| model | layers | million tokens | tokens a second: median (least to most) | minutes of training | writing examples | compiling | checkpoints |
|---|---:|---:|---:|---:|---:|---:|---:|
{rows}

Machine: {machine}.
"""


def render(figures: Mapping[str, Any]) -> str:
    """The page: a table of the stretches of like depth, and the sum."""
    found = msgspec.convert(figures["parts"], dict[str, list[Part]])
    rows = [_row(role, layers, list(same)) for role, parts in found.items() for layers, same in _by_depth(parts)]
    return _PAGE.format(
        every=figures["every"],
        steps=figures["steps"],
        hours=sum(part.seconds for parts in found.values() for part in parts) / 3600,
        goal=GOAL_HOURS,
        rows="\n".join(rows),
        machine=", ".join(f"{name} {value}" for name, value in figures["machine"].items()),
    )


def _by_depth(parts: Sequence[Part]) -> Any:
    return groupby(parts, key=lambda part: part.layers)


def _row(role: str, layers: int, parts: Sequence[Part]) -> str:
    rates = sorted(part.rate for part in parts)
    minutes = [
        f"{sum(seconds) / 60:.1f}"
        for seconds in zip(*((p.training, p.drawing, p.compiling, p.saving) for p in parts), strict=True)
    ]
    tokens = f"{sum(part.tokens for part in parts) / 1e6:.1f}"
    middle = rates[len(rates) // 2]
    rate = f"{middle:,.0f} ({rates[0]:,.0f} to {rates[-1]:,.0f})"
    return f"| {role} | {layers} | {tokens} | {rate} | {' | '.join(minutes)} |"
