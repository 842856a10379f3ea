"""One of two candidates, by whether a feature reaches a number."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.decision import Decision
from .base import Context


class Threshold:
    """Chooses `above` where the feature is at least `at`, the other candidate where it is less, `missing` without it.

    Example: Threshold("p", 0.5, above="no_think", missing="think") and p = 0.7: "no_think"; without p: "think".
    """

    def __init__(self, feature: str, at: float, *, above: str, missing: str) -> None:
        self._feature, self._at, self._above, self._missing = feature, at, above, missing

    def choose(self, context: Context, candidates: Sequence[str]) -> Decision:
        """One of two candidates, of which `above` is one; ValueError otherwise."""
        (below,) = [candidate for candidate in candidates if candidate != self._above]
        value = context.features.get(self._feature)
        chosen = self._missing if value is None else self._above if value >= self._at else below
        return Decision(
            kind=context.kind,
            policy=f"threshold:{self._feature}",
            candidates=tuple(candidates),
            chosen=(chosen,),
            probability=1.0,
            features=dict(context.features),
            position=context.position,
        )
