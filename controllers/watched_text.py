"""Text that controllers watch for, found in thinking while it arrives token by token."""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

from ..core.chat_format import ChatFormat
from ..core.events import Channel, Origin
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
        self._searches = [(watch, re.compile(watch.pattern).search) for watch in watches]
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

    def fork(self) -> WatchedText:
        """An independent copy, to return to after an edit."""
        twin = copy(self)
        twin._stream = self._stream.fork()
        twin._blocks, twin._found = copy(self._blocks), list(self._found)
        return twin

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
        while "\n" in text:
            part, newline, text = text.partition("\n")
            self._blocks.feed(part)
            self._match(part + newline, text, before)
            self._blocks.feed(newline)
            self._line, before = "", self._after
        if text:
            self._blocks.feed(text)
            self._match(text, "", before)
            self._line = (self._line + text)[-self._window :]

    @property
    def _after(self) -> int:
        assert self._whole is not None
        return self._whole

    def _match(self, new: str, rest: str, before: int) -> None:
        if self._blocks.inside:
            return
        line, known = self._line + new, len(self._line)
        for watch, search in self._searches:
            match = search(line, max(0, known - watch.longest))
            while match is not None:
                if match.end() >= known:  # an earlier one was decided by what came before
                    self._keep(watch, match, known, rest, before)
                match = search(line, max(match.end(), match.start() + 1))

    def _keep(self, watch: TextWatch, match: re.Match[str], known: int, rest: str, before: int) -> None:
        if match.end() == known:
            self._found.append(FoundText(before, watch, match.group()))
        else:
            self._found.append(FoundText(self._after, watch, match.string[match.start() :] + rest))

    def held(self, default: int) -> int:
        """Tokens from here on may still turn out to follow a match."""
        return self._whole if self._silent and self._whole is not None else default

    def take(self) -> list[FoundText]:
        """What the last token decided, once; the earliest position first."""
        if not self._found:
            return []
        found, self._found = self._found, []
        return sorted(found, key=lambda match: match.position)
