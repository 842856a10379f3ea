"""Every candidate with the same probability: the policy from whose logs every other can be evaluated."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.decision import Decision
from .base import Context


class Uniform:
    """Chooses one candidate at random.

    Example: three candidates give a Decision whose probability is 1/3.
    """

    def choose(self, context: Context, candidates: Sequence[str]) -> Decision:
        """One of `candidates`; ValueError when there are none."""
        if not candidates:
            raise ValueError("nothing to choose from")
        return Decision(
            kind=context.kind,
            policy="uniform",
            candidates=tuple(candidates),
            chosen=(context.random.choice(list(candidates)),),
            probability=1 / len(candidates),
            features=dict(context.features),
            position=context.position,
        )
