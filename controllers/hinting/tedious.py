"""CoRT's first corrective hint: the model begins to calculate by hand what Python would calculate."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...core.events import ToolCalled
from ...core.trajectory import Trajectory
from ..boundary import AnyWatch, Boundary, TextWatch
from ..controller import Ruling, View
from ..edits import Inject
from .aids import PYTHON, Aids
from .given import Given, far_enough, sampled_before
from .joining import line

TEXT = "It looks tedious, and we can use python code to simplify the reasoning."
"""As published (CoRT, arXiv 2506.09820)."""
_DIGITS = 30
_OPERATOR = r"[ \t]*(?:[*/\u00d7\u00f7\u00b7]|\\(?:times|cdot|div)|[ \t][-+x\u2212][ \t]|(?:times|multiplied by|divided by)\b)[ \t]*"
_NUMBER = re.compile(r"\d(?:,?\d)*")


def tedious_watch(digits: int) -> TextWatch:
    """Two numbers of so many digits at least, and an operator between them: "4821 * 9377", "4,821 + 93,770"."""
    more = rf"(?:,?[0-9]){{{digits - 1},{_DIGITS - 1}}}"
    first, second = rf"[0-9](?<![\w.][0-9]){more}", rf"[0-9]{more}"
    return TextWatch(rf"{first}{_OPERATOR}{second}(?:(?=[^\w.,])|[.,](?=\D))", 4 * _DIGITS + 20)


def was_computed(found: str, trajectory: Trajectory) -> bool:
    """Whether one call held all the numbers: then the model says again what it has computed, and nothing is tedious."""
    numbers = [number.replace(",", "") for number in _NUMBER.findall(found)]
    calls = (event.arguments.replace(",", "") for event in trajectory.tool_events if isinstance(event, ToolCalled))
    return any(all(number in call for number in numbers) for call in calls)


class Tedious:
    """Right behind the numbers, on a line of its own, so many times and far enough from the last hint."""

    def __init__(self, most: int, digits: int, distance: int, aids: Aids) -> None:
        self._most, self._distance, self._aids = most, distance, aids
        self.watches: Sequence[AnyWatch] = (tedious_watch(digits),) if most and aids.has(PYTHON) else ()

    def at(self, given: Given, boundary: Boundary, view: View) -> Ruling[Given]:
        """The model has written two long numbers with an operator between them."""
        wanted = given.tedious < self._most and far_enough(given, boundary, view, self._distance)
        if not wanted or not self._aids.may_name(PYTHON, view.trajectory):
            return Ruling(given)
        if was_computed(boundary.found, view.trajectory):
            return Ruling(given)
        text = line(boundary.found, TEXT) + self._aids.opening(PYTHON)
        now = given._replace(
            last=sampled_before(boundary, view),
            tedious=given.tedious + 1,
            calls_for=self._aids.calls_for(PYTHON, text, view.trajectory),
        )
        return Ruling(now, (Inject(text),))
