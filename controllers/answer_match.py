"""Finds the ends of thinking behind which the model answers; behind others it makes a call."""

from __future__ import annotations

from copy import copy

from ..core.chat_format import ChatFormat
from ..core.events import Channel, Origin


class AnswerMatch:
    """The position is before the marker that closes the thinking; it is known once the first text behind it is.

    Nothing but a call, or more thinking, is no answer; the end of the turn is one. With `at_once` nobody may call: then
    the marker decides.
    """

    def __init__(self, format: ChatFormat, *, at_once: bool) -> None:
        self._format, self._at_once = format, at_once
        self._closed: int | None = None
        self._found: int | None = None

    def fork(self) -> AnswerMatch:
        """An independent copy, to return to after an edit."""
        return copy(self)

    @property
    def open(self) -> bool:
        """Whether thinking has been closed, and it is not known what follows."""
        return self._closed is not None

    def feed(self, position: int, token: int, channel: Channel, marker: bool, origin: Origin, after: Channel) -> None:
        """Follow one token; `after` is the channel behind it."""
        if origin is not Origin.SAMPLED:
            self._closed = None
        elif marker and channel is Channel.THINK and after is not Channel.THINK:
            self._closed = position
            self._decide(answered=self._at_once)
        elif self._closed is not None:
            self._decide(answered=channel is Channel.ANSWER and self._says(token, marker))
            self._closed = self._closed if channel is Channel.ANSWER else None

    def _says(self, token: int, marker: bool) -> bool:
        """Whether it is text, or the end of the turn."""
        return token in self._format.eos_ids if marker else bool(self._format.decode([token]).strip())

    def _decide(self, *, answered: bool) -> None:
        if answered:
            self._found, self._closed = self._closed, None

    def held(self, default: int) -> int:
        """Tokens from here on may still turn out to follow such an end."""
        return default if self._closed is None else self._closed

    def take(self) -> int | None:
        """The position that was found with the last token, once."""
        found, self._found = self._found, None
        return found
