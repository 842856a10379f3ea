"""What a cell printed, for tiers whose sessions give it unbounded."""

from __future__ import annotations

from .backend import OnOutput
from .text import HeadAndTail, join_cut


class Printed:
    """Both streams of one cell, each kept to `most` characters; the listener hears the head as it comes."""

    def __init__(self, most: int, on_output: OnOutput | None) -> None:
        self._streams = {name: HeadAndTail(most) for name in ("stdout", "stderr")}
        self._heads: dict[str, list[str]] = {name: [] for name in self._streams}
        self._on_output = on_output

    def add(self, stream: str, text: str) -> None:
        """Takes what was printed."""
        head = self._streams[stream].add(text)
        if not head:
            return
        self._heads[stream].append(head)
        if self._on_output is not None:
            self._on_output(stream, head)

    def text(self, stream: str) -> str:
        """All that is kept of a stream."""
        return join_cut("".join(self._heads[stream]), *self._streams[stream].rest())
