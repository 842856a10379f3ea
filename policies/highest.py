"""The candidate that has the highest feature of its own: what a classifier says."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.decision import Decision
from .base import Context


class Highest:
    """Chooses the candidate whose feature `prefix.candidate` is highest; `missing` when none has one.

    Of equals the earlier candidate is chosen.

    Example: Highest("classified", missing="reasoning") with the features {"classified.instant": 1.0}: "instant".
    """

    def __init__(self, prefix: str, *, missing: str) -> None:
        self._prefix, self._missing = prefix, missing

    def choose(self, context: Context, candidates: Sequence[str]) -> Decision:
        """One of `candidates`, of which `missing` is one."""
        scores = {name: context.features.get(f"{self._prefix}.{name}") for name in candidates}
        said = {name: score for name, score in scores.items() if score is not None}
        return Decision(
            kind=context.kind,
            policy=f"highest:{self._prefix}",
            candidates=tuple(candidates),
            chosen=(max(said, key=said.__getitem__) if said else self._missing,),
            probability=1.0,
            features=dict(context.features),
            position=context.position,
        )
