"""CoRT's second corrective hint: the model does not need to doubt what Python has computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ...core.chat_format import ChatFormat
from ...core.events import Channel, ToolAnswered
from ...core.trajectory import Trajectory
from ..boundary import AnyWatch, Boundary, BoundaryKind, TokenWatch, Watch
from ..controller import Ruling, View
from ..edits import Inject
from .after_words import behind, words_watch
from .aids import PYTHON
from .given import Given, sampled_before
from .joining import behind_word, opened

TEXT = "We don't need to doubt the accuracy of python calculations."
"""As published (CoRT, arXiv 2506.09820)."""


def good_results(trajectory: Trajectory) -> int:
    """How many calls of Python went well; none when the last call of all did not, or was another."""
    answers = [event for event in trajectory.tool_events if isinstance(event, ToolAnswered)]
    good = [answer.name == PYTHON and answer.status == "ok" for answer in answers]
    return sum(good) if good and good[-1] else 0


class Trust:
    """Once for each result that is none but an error: behind it, or at the first reflection word of the family after it."""

    def __init__(self, where: Literal["never", "result", "doubt"], format: ChatFormat) -> None:
        self._words = format.reflection_words
        self.watches: Sequence[AnyWatch] = ()
        if where == "result":  # the results of template calls stand before the thinking of the next turn
            self.watches = (Watch(BoundaryKind.RESULT_APPENDED), TokenWatch(0, Channel.THINK))
        elif where == "doubt" and self._words:
            self.watches = (words_watch(self._words),)

    def at(self, given: Given, boundary: Boundary, view: View) -> Ruling[Given]:
        """The thinking goes on behind results, or the model may doubt one."""
        results = good_results(view.trajectory)
        if results <= given.trusted or view.channel is not Channel.THINK:
            return Ruling(given)
        now = given._replace(trusted=results, last=sampled_before(boundary, view))
        if boundary.kind is BoundaryKind.TEXT:
            return Ruling(now, (Inject(behind_word(behind(boundary.found, self._words), TEXT)),))
        return Ruling(now, (Inject(opened(boundary.position, view, TEXT) + "\n"),))
