"""One JSON value in text that arrives in pieces: where it ends, and a string's text while it grows."""

from __future__ import annotations

import json
import re

_IN_STRING = re.compile(r'["\\]')
_IN_CONTAINER = re.compile(r'["{}\[\]]')
_AFTER_SCALAR = re.compile(r"[\s,}\]]")
_COMPLETE = re.compile(  # characters and whole escapes; a high surrogate only with what follows it
    r"(?:[^\\]++|\\[^u]|\\u(?![dD][89abAB]).{4}|\\u.{4}(?:\\u.{4}|(?=[^\\]|\\[^u])))*+", re.DOTALL
)
_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonValue:
    """Finds the end of one value. The first piece must begin with the value's first character.

    Example: JsonValue().end('{"a": "}"} tail') == 10; nothing is parsed, so broken values have an end too.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = self._escaped = self._scalar = False

    def end(self, text: str) -> int | None:
        """The index just after the value; None when it goes on after this piece."""
        at = 0
        while at < len(text):
            if self._escaped:
                self._escaped, at = False, at + 1
                continue
            found = self._pattern(text[at]).search(text, at)
            if found is None:
                return None
            if self._scalar:
                return found.start()
            at = found.end()
            self._see(found.group())
            if self._depth == 0 and not self._in_string:
                return at
        return None

    def _pattern(self, char: str) -> re.Pattern[str]:
        if self._in_string:
            return _IN_STRING
        if self._depth == 0 and char not in '{["':
            self._scalar = True
        return _AFTER_SCALAR if self._scalar else _IN_CONTAINER

    def _see(self, char: str) -> None:
        if char == "\\":
            self._escaped = True
        elif char == '"':
            self._in_string = not self._in_string
        else:
            self._depth += 1 if char in "{[" else -1


class StringText:
    r"""The text inside of a JSON string while its raw characters arrive, quotes left out.

    Unfinished escapes and the first half of a surrogate pair are held back. Example: feed('a\\') == "a", feed('nb')
    == "\nb".
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, raw: str) -> str:
        """The text that these characters complete."""
        raw = self._held + raw
        complete = _COMPLETE.match(raw)
        ready = complete.end() if complete else 0
        self._held = raw[ready:]
        return unquoted(raw[:ready])


def unquoted(raw: str) -> str:
    """The text of a JSON string's inside; itself when its escapes are broken."""
    try:
        text = str(json.loads(f'"{raw}"', strict=False))
    except ValueError:
        return raw
    return _SURROGATE.sub("\ufffd", text)
