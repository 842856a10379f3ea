"""The end of tool calls, as the model is told of it in its thinking."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.events import Channel
from ..boundary import AnyWatch, Boundary, BoundaryKind, Watch
from ..controller import Ruling, View
from ..edits import Inject
from .given import Given
from .joining import line

TEXT = (
    "[SYSTEM]\nYou have exceeded the allowed number of code executions. You can no longer write or run code. Please "
    "continue solving the problem using your reasoning and analytical skills.\n\n"
)
"""As published (CoRT's inference code)."""


class Cap:
    """Behind the result of the last call that is allowed. Further calls are refused by the loop, in their results."""

    def __init__(self, calls: int | None) -> None:
        self._calls = calls
        self.watches: Sequence[AnyWatch] = () if calls is None else (Watch(BoundaryKind.RESULT_APPENDED),)

    def at(self, given: Given, boundary: Boundary, view: View) -> Ruling[Given]:
        """Results were appended."""
        if view.trajectory.calls_answered() != self._calls or view.channel is not Channel.THINK:
            return Ruling(given)
        before = view.text(boundary.position - 1, boundary.position)
        return Ruling(given, (Inject(line(before, TEXT)),))
