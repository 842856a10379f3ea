"""Hints at the end of the thinking, in place of the marker that ends it: START's sequential scaling."""

from __future__ import annotations

from collections.abc import Sequence

from ...policies.base import Context
from ...policies.uniform import Uniform
from ..boundary import AnyWatch, Boundary, BoundaryKind, Watch
from ..code_blocks import ends_in_code
from ..controller import Ruling, View
from ..edits import Inject
from .aids import Aids
from .given import Given, sampled_before
from .joining import last_thought, paragraph
from .library import Hint


class AtEnd:
    """Not behind an empty block, as the model chose not to think; not inside of code; not where the model, told to use a
    tool that it calls after its thinking, ends it for the first time.
    """

    def __init__(self, rounds: int, hints: Sequence[Hint], aids: Aids) -> None:
        self._rounds, self._hints, self._aids = rounds, hints, aids
        self._policy = Uniform()
        self.watches: Sequence[AnyWatch] = (Watch(BoundaryKind.THINK_END),) if rounds else ()

    def at(self, given: Given, boundary: Boundary, view: View) -> Ruling[Given]:
        """The model closes its thinking."""
        thought = last_thought(boundary.position, view)
        if given.at_end >= self._rounds or not thought.strip() or ends_in_code(thought):
            return Ruling(given)
        if given.calls_for == view.trajectory.calls_answered():
            return Ruling(given._replace(calls_for=None))
        hints = self._aids.useful(self._hints, view.trajectory)
        if not hints:
            return Ruling(given)
        features = {"round": float(given.at_end), "thinking_tokens": float(view.trajectory.thinking)}
        decision = self._policy.choose(Context("hint", features, view.random, boundary.position), list(hints))
        hint = hints[decision.chosen[0]]
        text = paragraph(thought, hint.text) + self._aids.opening_of(hint)
        now = given._replace(
            last=sampled_before(boundary, view),
            at_end=given.at_end + 1,
            calls_for=self._aids.calls_for(hint.tool, text, view.trajectory),
        )
        return Ruling(now, (Inject(text),), (decision,))
