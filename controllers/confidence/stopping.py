"""The controller inside of DeepConf: ends a trace whose confidence falls below a threshold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from ...core.engine import TokenLogprob
from ...core.events import FinishReason
from ..boundary import Boundary, TokenWatch
from ..controller import BaseController, Ruling, View
from ..edits import Finish
from .measures import token_confidence


class Window(NamedTuple):
    """The window that ends at `end`: the sum of the confidences in it and how many there are; the lowest mean of a full one."""

    end: int = 0
    total: float = 0.0
    known: int = 0
    lowest: float = math.inf


class ConfidenceStop(BaseController[Window]):
    """Ends a trace once the mean confidence of a full window of `size` tokens is below the threshold; looks every few tokens.

    A trace shorter than a window is never stopped (as published). Injected tokens have no confidence.
    """

    def __init__(self, threshold: float, size: int, every: int) -> None:
        self._threshold, self._size = threshold, size
        self.watches = (TokenWatch(every, repeat=True, markers=True),)

    def initial(self) -> Window:
        return Window()

    def at(self, state: Window, boundary: Boundary, view: View) -> Ruling[Window]:
        """A few more tokens."""
        state = slid(state, view.trajectory.logprobs, boundary.position, self._size)
        low = state.lowest < self._threshold
        return Ruling(state, (Finish(FinishReason.STOP),) if low else ())


def slid(window: Window, logprobs: Mapping[int, TokenLogprob], end: int, size: int) -> Window:
    """The window at a later end."""
    at, total, known, lowest = window
    while at < end:
        if (new := logprobs.get(at)) is not None:
            total, known = total + token_confidence(new), known + 1
        if at >= size and (old := logprobs.get(at - size)) is not None:
            total, known = total - token_confidence(old), known - 1
        at += 1
        if at >= size and known:
            lowest = min(lowest, total / known)
    return Window(at, total, known, lowest)
