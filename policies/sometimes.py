"""Nothing, but with a chance one of the others: the policy for acting now and then."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.decision import Decision
from .base import Context


class Sometimes:
    """Chooses, with a chance, one of the candidates after the first, each alike; else the first, which is to do nothing.

    Example: chance = 0.6 and three candidates: the first has the probability 0.4, each other 0.3.
    """

    def __init__(self, chance: float) -> None:
        if not 0 <= chance <= 1:
            raise ValueError(f"chance is a probability, not {chance}")
        self._chance = chance

    def choose(self, context: Context, candidates: Sequence[str]) -> Decision:
        """One of `candidates`; ValueError when there are fewer than two."""
        nothing, *others = candidates
        if not others:
            raise ValueError("nothing to choose from")
        acts = context.random.random() < self._chance
        return Decision(
            kind=context.kind,
            policy="sometimes",
            candidates=tuple(candidates),
            chosen=(context.random.choice(others) if acts else nothing,),
            probability=self._chance / len(others) if acts else 1 - self._chance,
            features=dict(context.features),
            position=context.position,
        )
