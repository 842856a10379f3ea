"""Think about questions that look long, computed or argued: the rule until a policy is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..core.decision import Decision
from .base import Context


class QuestionRule:
    """Chooses the first candidate (to think) where a question's features ask for it, else the second.

    They do with so many `steps` (operations, or one less than the numbers), with so many `words`, with a word that asks
    for reasoning, or with code. The features are `question_features`; ours, as no source gives a rule.

    Example: steps=5; "Start with 7, add 5." has 1 step: the second candidate. "You have 6; multiply by 9; times 8; add 7;
    add 8; times 3." has 5: the first.
    """

    def __init__(self, steps: int = 5, words: int = 120) -> None:
        self._steps, self._words = steps, words

    def choose(self, context: Context, candidates: Sequence[str]) -> Decision:
        """One of two candidates; ValueError for any other number of them."""
        hard, easy = candidates
        return Decision(
            kind=context.kind,
            policy="question_rule",
            candidates=tuple(candidates),
            chosen=(hard if self._asks(context.features) else easy,),
            probability=1.0,
            features=dict(context.features),
            position=context.position,
        )

    def _asks(self, features: Mapping[str, float]) -> bool:
        computed = features.get("operators", 0.0) + features.get("operations", 0.0)
        steps = max(computed, features.get("numbers", 0.0) - 1)
        return (
            steps >= self._steps
            or features.get("words", 0.0) >= self._words
            or features.get("reasoning_words", 0.0) > 0
            or features.get("code", 0.0) > 0
        )
