"""What a rule says, but with a chance any of the candidates: so that something can be learned from its log."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..core.decision import Decision
from .base import Context, Policy


class Exploring:
    """Wraps a policy that leaves nothing to chance; with a chance of `explore` each candidate is taken alike.

    The probability is that of what was taken, however it came to be.

    Example: explore = 0.2, two candidates, and the rule says "think". It is taken with the probability 0.8 + 0.2 / 2 = 0.9,
    the other with 0.1.
    """

    def __init__(self, policy: Policy, explore: float) -> None:
        if not 0 <= explore <= 1:
            raise ValueError(f"explore is a probability, not {explore}")
        self._policy, self._explore = policy, explore

    def choose(self, context: Context, candidates: Sequence[str]) -> Decision:
        """One of `candidates`; ValueError when the wrapped policy draws by itself, as its other chances are unknown."""
        said = self._policy.choose(context, candidates)
        if not self._explore:
            return said
        if said.probability != 1.0:
            raise ValueError(f"{said.policy} draws by itself: it cannot be explored around")
        explores = context.random.random() < self._explore
        taken = (context.random.choice(list(candidates)),) if explores else said.chosen
        by_chance = self._explore / len(candidates)
        return msgspec.structs.replace(
            said, chosen=taken, probability=by_chance + (1 - self._explore if taken == said.chosen else 0.0)
        )
