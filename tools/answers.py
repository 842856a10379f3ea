"""Results that are kept to answer equal calls."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from .result import Result


class AnswerKey(NamedTuple):
    """Which call an answer belongs to."""

    owner: str
    """Whose answer it is: a session, or a tool."""
    arguments: str
    """In canonical form."""


class Answers:
    """At most `most` results of at most `most_bytes` together; what was used longest ago goes first.

    A result that is larger than `most_bytes` by itself is not kept.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._kept: OrderedDict[AnswerKey, Result] = OrderedDict()
        self.bytes = 0
        """What results and arguments take, about."""

    def get(self, key: AnswerKey) -> Result | None:
        """The result kept under a key."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, key: AnswerKey, result: Result) -> None:
        """Keeps a result, in place of an earlier one of the same key."""
        size = _size(key, result)
        if size > self._most_bytes:
            return
        self._forget(key)
        self._kept[key] = result
        self.bytes += size
        while len(self._kept) > self._most or self.bytes > self._most_bytes:
            self._forget(next(iter(self._kept)))

    def forget(self, which: Callable[[AnswerKey], bool]) -> None:
        """Forgets every result whose key is meant."""
        for key in [key for key in self._kept if which(key)]:
            self._forget(key)

    def _forget(self, key: AnswerKey) -> None:
        if (result := self._kept.pop(key, None)) is not None:
            self.bytes -= _size(key, result)


def _size(key: AnswerKey, result: Result) -> int:
    # `structured` says the same as the text, in more memory.
    text = sys.getsizeof(result.text) * (1 if result.structured is None else 4)
    return sys.getsizeof(key.arguments) + text + sum(len(image.data) for image in result.images)
