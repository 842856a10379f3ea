"""What a cell printed, for tiers whose sessions give it unbounded."""

from __future__ import annotations

import time
from typing import NamedTuple

from ..result import Status
from .backend import OnOutput
from .result import CellResult
from .text import HeadAndTail, join_cut


class Outcome(NamedTuple):
    """How a cell ended, but for what it printed."""

    status: Status
    value: str | None = None
    error: str | None = None
    images: tuple[bytes, ...] = ()


class Printed:
    """Both streams of one cell that begins, each kept to `most` characters; the listener hears the head as it comes."""

    def __init__(self, most: int, on_output: OnOutput | None) -> None:
        self._streams = {name: HeadAndTail(most) for name in ("stdout", "stderr")}
        self._heads: dict[str, list[str]] = {name: [] for name in self._streams}
        self._on_output = on_output
        self._began = time.perf_counter()

    def add(self, stream: str, text: str) -> None:
        """Takes what was printed."""
        head = self._streams[stream].add(text)
        if not head:
            return
        self._heads[stream].append(head)
        if self._on_output is not None:
            self._on_output(stream, head)

    def result(self, outcome: Outcome, session_lost: bool) -> CellResult:
        """All that came of the cell, which has ended just now."""
        stdout, stderr = (self._text(stream) for stream in self._streams)
        seconds = time.perf_counter() - self._began
        return CellResult(
            outcome.status,
            stdout,
            stderr,
            outcome.value,
            outcome.error,
            outcome.images,
            seconds=seconds,
            session_lost=session_lost,
        )

    def _text(self, stream: str) -> str:
        return join_cut("".join(self._heads[stream]), *self._streams[stream].rest())
