"""A logged choice: without features, candidates and probability nothing can be learned from traffic."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One choice that a policy or the model itself made, with the probability with which it was made.

    `chosen` is a set of candidates; for a single choice it has one member, and `probability` is always that of the
    whole set. None: the probability is not known (an engine without log-probs).

    Example: a uniform choice among three hints:
        Decision(kind="hint", policy="uniform", candidates=("a", "b", "c"), chosen=("b",), probability=1/3)
    """

    kind: str
    """What was decided: "think", "hint", "tools", …"""
    policy: str
    """Which policy chose; "model" when the served model's own token did."""
    policy_version: str = "0"
    candidates: tuple[str, ...]
    chosen: tuple[str, ...]
    probability: float | None
    features: Mapping[str, float] = {}
    position: int = 0
