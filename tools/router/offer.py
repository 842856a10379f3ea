"""What one conversation is offered: it only grows, and never changes its order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...core.decision import Decision
from ..tool import ToolSpec


class Offer:
    """The tools that a model is told of, and the decisions that put them there.

    Tools are appended and never moved: what a model was told at the start of its context stays as it was, and so does
    the engine's prefix cache.
    """

    def __init__(self, known: Mapping[str, ToolSpec], names: Iterable[str] = ()) -> None:
        self._known = known
        self._names = dict.fromkeys(name for name in names if name in known)
        self.decisions: list[Decision] = []

    @property
    def names(self) -> list[str]:
        """In the order in which they came. With these, a later request carries the conversation on."""
        return list(self._names)

    @property
    def specs(self) -> list[ToolSpec]:
        """The same, as what the model is told."""
        return [self._known[name] for name in self._names]

    def add(self, decision: Decision) -> list[ToolSpec]:
        """What a decision chose, as specs; the new ones among them are offered from here on."""
        self.decisions.append(decision)
        self._names.update(dict.fromkeys(decision.chosen))
        return self.specs_of(decision.chosen)

    def specs_of(self, names: Sequence[str]) -> list[ToolSpec]:
        """The specs behind names."""
        return [self._known[name] for name in names]
