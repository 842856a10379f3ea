"""Text that controllers watch for, found in thinking while it arrives token by token."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ..core.chat_format import ChatFormat
from ..core.trajectory import Channel, Origin
from .boundary import TextWatch
from .code_blocks import CodeBlocks


class FoundText(NamedTuple):
    """A match; the position is behind the token that it ends in."""

    position: int
    watch: TextWatch
    text: str
    """With the rest of that token."""


class WatchedText:
    """Finds what text watches ask for: in sampled thinking, line by line, outside of code between fences.

    A position is always behind a whole character, and never behind a token that another one may still complete.
    """

    def __init__(self, format: ChatFormat, watches: Sequence[TextWatch]) -> None:
        self._format = format
        self._patterns = [(watch, re.compile(watch.pattern)) for watch in watches]
        self._window = 1 + max(watch.longest for watch in watches)
        self._found: list[FoundText] = []
        self.reset()

    def reset(self) -> None:
        """What comes now begins a line, outside of code."""
        self._stream = self._format.text_stream()
        self._blocks = CodeBlocks()
        self._line = ""
        """The end of the line, as much as can be part of a match."""
        self._whole: int | None = None
        """Behind the last token that completed its text."""
        self._silent = False
        """Whether tokens came since, whose characters are not complete."""

    def feed(self, position: int, token: int, channel: Channel, marker: bool, origin: Origin) -> None:
        """Follow one token."""
        if channel is not Channel.THINK or marker:
            self.reset()
            return
        text = self._stream.feed([token])
        self._silent = not text
        if not text:
            return
        before, self._whole = self._whole, position + 1
        if origin is Origin.SAMPLED:
            self._search(text, position if before is None else before)
        else:
            self._line = ""
            self._blocks.feed(text)

    def _search(self, text: str, before: int) -> None:
        """Search what a token completes; `before` is the position behind the token before."""
        while True:
            part, newline, text = text.partition("\n")
            self._blocks.feed(part)
            if not self._blocks.inside:
                self._match(part + newline, text, before)
            self._blocks.feed(newline)
            if not newline:
                self._line = (self._line + part)[-self._window :]
                return
            self._line, before = "", self._after

    @property
    def _after(self) -> int:
        assert self._whole is not None
        return self._whole

    def _match(self, new: str, rest: str, before: int) -> None:
        line, known = self._line + new, len(self._line)
        for watch, pattern in self._patterns:
            for match in pattern.finditer(line):
                if match.end() < known:
                    continue  # it was decided by what came before
                at_token_end = match.end() == known
                text = match.group() if at_token_end else line[match.start() :] + rest
                self._found.append(FoundText(before if at_token_end else self._after, watch, text))

    def held(self, default: int) -> int:
        """Tokens from here on may still turn out to follow a match."""
        return self._whole if self._silent and self._whole is not None else default

    def take(self) -> list[FoundText]:
        """What the last token decided, once; the earliest position first."""
        found, self._found = self._found, []
        return sorted(found, key=lambda match: match.position)
