"""Text that must not be stored, found in linear time whatever the text and the pattern are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

import re2

KEY = "[key]"
REDACTED = "[redacted]"
SHORTEST_SECRET = 6
"""Shorter keys of the server's own are not looked for: they would be found in every other text."""

_KEY_FORMS = (
    r"sk-[A-Za-z0-9_-]{20,}",  # OpenAI, Anthropic, and who imitates them
    r"(?:ghp|gho|ghs|ghu|ghr|github_pat|glpat|hf|e2b|gsk|xai|pypi|npm)[_-][A-Za-z0-9_-]{20,}",
    r"AKIA[0-9A-Z]{16}",
    r"AIza[A-Za-z0-9_-]{35}",
    r"xox[abeprs]-[A-Za-z0-9-]{10,}",
    r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",  # a JSON web token
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*(?:-----END [A-Z ]*PRIVATE KEY-----)?",
)


class Match(Protocol):
    """A place where a pattern was found."""

    def span(self) -> tuple[int, int]: ...


class Pattern(Protocol):
    """A compiled pattern."""

    def finditer(self, text: str) -> Iterator[Match]: ...


class Found(NamedTuple):
    """A stretch of text, and what is written in its place."""

    start: int
    end: int
    instead: str


class Patterns:
    """The server's secrets, keys by their form, and the operator's own expressions (RE2 syntax).

    Errors: ValueError for an expression that RE2 does not take.
    """

    def __init__(self, secrets: Collection[str] = (), expressions: Sequence[str] = ()) -> None:
        known = sorted((secret for secret in secrets if len(secret) >= SHORTEST_SECRET), key=len, reverse=True)
        keys = "|".join([*(re2.escape(secret) for secret in known), *_KEY_FORMS])
        self._patterns = [(compiled(keys), KEY), *((compiled(each), REDACTED) for each in expressions)]

    def find(self, text: str) -> list[Found]:
        """What must go, from left to right; stretches that overlap are one."""
        found = [
            Found(*match.span(), instead)
            for pattern, instead in self._patterns
            for match in pattern.finditer(text)
            if match.span()[0] < match.span()[1]
        ]
        merged: list[Found] = []
        for each in sorted(found):
            if merged and each.start < merged[-1].end:
                last = merged.pop()
                each = Found(last.start, max(last.end, each.end), last.instead)
            merged.append(each)
        return merged

    def replaced(self, text: str) -> tuple[str, int]:
        """The text without them, and how many there were."""
        found = self.find(text)
        for each in reversed(found):
            text = text[: each.start] + each.instead + text[each.end :]
        return text, len(found)


def compiled(expression: str) -> Pattern:
    """An expression in RE2's syntax. Errors: ValueError."""
    options = re2.Options()
    options.log_errors = False
    try:
        pattern: Pattern = re2.compile(expression, options)
    except re2.error as error:
        said = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"{expression!r} is no expression that RE2 takes: {said}") from None
    return pattern
