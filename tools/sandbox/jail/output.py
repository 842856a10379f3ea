"""What a cell prints: the beginning goes out as it comes, of the rest only the end is kept."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable
from typing import Any

from ..text import HeadAndTail

Send = Callable[[str, str], None]  # the stream's name, some text


class CappedOutput(io.RawIOBase):
    """One of a session's output streams.

    The first half of `most` characters of a cell is sent at once; of what follows, the last half is kept for the cell's
    end. What is written while no cell runs is dropped.
    """

    def __init__(self, name: str, most: int, send: Send) -> None:
        super().__init__()
        self._stream = name
        self._most = most
        self._send = send
        self._open = False
        self._text = _OpenText(io.BufferedWriter(self), "utf-8", "replace", line_buffering=True)

    def begin(self) -> io.TextIOWrapper:
        """Starts a cell's output; returns the text file to print to, always the same one."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._kept = HeadAndTail(self._most)
        self._open = True
        return self._text

    def end(self) -> dict[str, Any]:
        """Ends the cell's output: how many characters were cut out after what was sent, and those that follow."""
        self._text.flush()
        self._open = False
        cut, tail = self._kept.rest()
        return {"cut": cut, "tail": tail}

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Any) -> int:
        """Takes bytes of text; never refuses any."""
        if self._open:
            head = self._kept.add(self._decoder.decode(bytes(data)))
            if head:
                self._send(self._stream, head)
        return len(data)


class _OpenText(io.TextIOWrapper):
    """A text file that stays open: a cell that closes stdout must not silence the next one."""

    def close(self) -> None:
        self.flush()
