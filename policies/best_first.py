"""As many of the candidates as there is room for, the best first: the rule for sets."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..core.decision import Decision
from .base import Context

ROOM = "room"
"""The feature that says how many candidates may be chosen."""


class BestFirst:
    """Chooses the first `room` candidates, which come best first; with a chance of `explore`, any set of that size.

    Without exploring its probability is always 1, and nothing can be learned from its log about other sets.

    Example: 4 candidates, room for 2, explore = 0.6. There are 6 sets; the best is chosen with probability
    0.4 + 0.6 / 6 = 0.5, each other with 0.6 / 6 = 0.1.
    """

    def __init__(self, explore: float = 0.0) -> None:
        if not 0 <= explore <= 1:
            raise ValueError(f"explore is a probability, not {explore}")
        self._explore = explore

    def choose(self, context: Context, candidates: Sequence[str]) -> Decision:
        """A set of candidates, in their order."""
        size = min(len(candidates), max(0, int(context.features.get(ROOM, len(candidates)))))
        chosen = range(size)
        explores = self._explore > 0 and context.random.random() < self._explore
        picked = sorted(context.random.sample(range(len(candidates)), size)) if explores else list(chosen)
        by_chance = self._explore / math.comb(len(candidates), size)
        return Decision(
            kind=context.kind,
            policy="best_first",
            candidates=tuple(candidates),
            chosen=tuple(candidates[index] for index in picked),
            probability=by_chance + (1 - self._explore if picked == list(chosen) else 0.0),
            features=dict(context.features),
            position=context.position,
        )
