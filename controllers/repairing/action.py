"""Where a failed action began, and the text before it. Positions count kept tokens after the prompt."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...core.events import Channel
from ..controller import View

_FENCE = re.compile(r"^[ \t]*```\w", re.MULTILINE)


class Action(NamedTuple):
    """The last action: from the first of its tokens on, in a stretch that begins behind the results before it."""

    floor: int
    start: int


def last_action(view: View, fenced: bool) -> Action:
    """The calls, or the fenced code, whose results were appended last."""
    trajectory = view.trajectory
    *before, (last, _) = trajectory.results()
    floor = before[-1][1] if before else 0
    return Action(floor, _fence_start(view, floor, last.start) if fenced else _call_start(view, floor, last.start))


def _call_start(view: View, floor: int, end: int) -> int:
    """The first token of the first call of the turn, its marker included."""
    starts = (max(run.start, floor) for run, _ in view.trajectory.spans(floor) if run.channel is Channel.CALL)
    return next((start for start in starts if start < end), end)


def _fence_start(view: View, floor: int, end: int) -> int:
    """The token in which the last opening fence begins."""
    opened = list(_FENCE.finditer(view.text(floor, end)))
    return position_of(view, floor, end, opened[-1].start()) if opened else end


def position_of(view: View, start: int, end: int, chars: int) -> int:
    """The last position up to which the text from `start` on has at most so many characters.

    Example: of the tokens "So", " 12", "." and 3 characters, the position behind "So".
    """
    low, high = start, end
    while low < high:
        middle = (low + high + 1) // 2
        if len(view.text(start, middle)) <= chars:
            low = middle
        else:
            high = middle - 1
    return low
