"""Cutting text that nobody will read whole."""

from __future__ import annotations

from collections import deque


def cut_middle(text: str, most: int) -> str:
    """The text, or its first and last `most // 2` characters with a note between them of what was cut out.

    Example: 100 characters cut to 10 are the first 5, `[... 90 characters cut ...]` and the last 5.
    """
    if len(text) <= most:
        return text
    half = most // 2
    return join_cut(text[:half], len(text) - 2 * half, text[len(text) - half :])


def join_cut(head: str, cut: int, tail: str) -> str:
    """Head and tail of a text from whose middle `cut` characters are gone, saying so."""
    return f"{head}\n[... {cut} characters cut ...]\n{tail}" if cut else head + tail


class HeadAndTail:
    """Text as it comes, of which the first half of `most` characters and the last half are kept.

    Example: with most=4, after "abc" and "defg" the head was "ab", and the rest is 3 characters cut out and "fg".
    """

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._room = self._half
        self._tail: deque[str] = deque()
        self._kept = self._beyond = 0

    def add(self, text: str) -> str:
        """Takes more text; returns what of it belongs to the head."""
        head, rest = text[: self._room], text[self._room :]
        self._room -= len(head)
        if rest:
            self._beyond += len(rest)
            self._tail.append(rest)
            self._kept += len(rest)
            while self._kept - len(self._tail[0]) >= self._half:
                self._kept -= len(self._tail.popleft())
        return head

    def rest(self) -> tuple[int, str]:
        """How many characters were cut out after the head, and those that follow."""
        tail = "".join(self._tail)[-self._half :] if self._half else ""
        return self._beyond - len(tail), tail
