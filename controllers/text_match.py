"""Matches in text that arrives token by token: ends of thoughts, and stop strings in the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy

from ..core.chat_format import ChatFormat
from ..core.events import Channel, Origin
from .shown_text import ShownText

_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")


class ThoughtMatch:
    """Finds paragraphs of thinking that begin with a reflection word; the position is where the thought before ended.

    A word counts only when the character after it is known: "Wait" is one, "Waiting" is not. Injected text neither
    begins nor ends a match.
    """

    def __init__(self, format: ChatFormat) -> None:
        self._format = format
        words = "|".join(re.escape(word) for word in sorted(format.reflection_words, key=len, reverse=True))
        self._word = re.compile(rf"(?:{words})\b(?=[\s\S])")
        self._reset()

    def _reset(self) -> None:
        self._stream = self._format.text_stream()
        self._tail = ""
        self._starts: list[tuple[int, int]] = []
        """(position of a token, where its text begins in the tail)"""
        self._found: int | None = None

    def fork(self) -> ThoughtMatch:
        """An independent copy, to return to after an edit."""
        twin = copy(self)
        twin._stream = self._stream.fork()
        twin._starts = list(self._starts)
        return twin

    def feed(self, position: int, token: int, channel: Channel, marker: bool, origin: Origin) -> None:
        """Follow one token."""
        if channel is not Channel.THINK or marker or origin is not Origin.SAMPLED:
            self._reset()
            return
        self._starts.append((position, len(self._tail)))
        self._tail += self._stream.feed([token])
        self._match()

    def _match(self) -> None:
        paragraph = self._paragraph()
        if paragraph is None:
            self._forget(len(self._tail.rstrip()))
            return
        if self._word.match(self._tail, paragraph.end()):
            self._found = self._position(paragraph.start())
            self._forget(paragraph.end())
        elif not self._undecided(self._tail[paragraph.end() :]):
            self._forget(len(self._tail.rstrip()))

    def _undecided(self, begin: str) -> bool:
        """Whether a paragraph that begins so may still turn out to begin with a reflection word."""
        return any(word.startswith(begin) for word in self._format.reflection_words)

    def _paragraph(self) -> re.Match[str] | None:
        match = _PARAGRAPH.search(self._tail)
        return match if match is not None and match.start() > 0 else None

    def _position(self, char: int) -> int:
        """The first token whose text begins at `char` or later."""
        after = self._starts[-1][0] + 1
        return next((position for position, start in self._starts if start >= char), after)

    def _forget(self, chars: int) -> None:
        """Forget text that can be no part of a match any more; keep one character, so that a thought is before it."""
        chars = max(0, chars - 1)
        if chars:
            self._tail = self._tail[chars:]
            self._starts = [(position, start - chars) for position, start in self._starts if start >= chars]

    def held(self, default: int) -> int:
        """Tokens from here on may still turn out to follow the end of a thought."""
        stripped = len(self._tail.rstrip())
        paragraph = self._paragraph()
        char = paragraph.start() if paragraph is not None else stripped
        return next(
            (position for position, start in self._starts if start >= char and start < len(self._tail)), default
        )

    def take(self) -> int | None:
        """The position that was found with the last token, once."""
        found, self._found = self._found, None
        return found


class StopMatch:
    """Finds the first of several stop strings in the answer's text; never in thinking, calls, results or injected text.

    The text is what a client is shown: without the line breaks that follow a marker. The first is the one that is
    complete first, so that it does not matter how the text is cut into tokens; of two the longer one.
    """

    def __init__(self, format: ChatFormat, stops: Sequence[str]) -> None:
        self._stops, self._longest = stops, max(map(len, stops))
        self._shown = ShownText(format)
        self._tail = ""
        self._tail_chars = 0
        """Characters of the answer before the tail."""
        self._starts: list[tuple[int, int]] = []
        self.found: tuple[str, int] | None = None

    def feed(self, position: int, token: int, channel: Channel, marker: bool, origin: Origin = Origin.SAMPLED) -> None:
        """Follow one token; those of other channels than the answer may be left out, but for their markers."""
        if marker:
            self._shown.marker(channel, [token])
            return
        self._shown.enter(channel)
        if channel is Channel.ANSWER and self.found is None:
            self._add(position, self._shown.feed([token]), origin)
        elif channel is Channel.RESULT:  # what is before it was shown: no stop string goes across
            self._add(position, "", origin)

    def _add(self, position: int, text: str, origin: Origin) -> None:
        if origin is not Origin.SAMPLED:
            self._tail_chars += len(self._tail) + len(text)
            self._tail, self._starts = "", []
            return
        self._starts.append((position, self._tail_chars + len(self._tail)))
        self._tail += text
        hits = [(at + len(stop), at, stop) for stop in self._stops if (at := self._tail.find(stop)) >= 0]
        if hits:
            _, at, stop = min(hits)
            self.found = (stop, self._tail_chars + at)
        else:
            self._shorten()

    @property
    def pending_chars(self) -> int:
        """Characters at the end of the text that may be the beginning of a stop string."""
        return len(self._tail)

    def _shorten(self) -> None:
        """Keep only what may be the beginning of a stop string."""
        keep = next(
            (
                size
                for size in range(min(self._longest - 1, len(self._tail)), 0, -1)
                if any(stop.startswith(self._tail[-size:]) for stop in self._stops)
            ),
            0,
        )
        cut = len(self._tail) - keep
        self._tail, self._tail_chars = self._tail[cut:], self._tail_chars + cut
        begins = [start for start in self._starts if start[1] <= self._tail_chars][-1:]
        self._starts = begins + [start for start in self._starts if start[1] > self._tail_chars] if keep else []

    def held(self, default: int) -> int:
        """Tokens from here on may still turn out to be part of a stop string."""
        return self._starts[0][0] if self._starts and (self._tail or self.found) else default
