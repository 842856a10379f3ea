"""Calls whose name stands before their arguments: newer Mistral, DeepSeek."""

from __future__ import annotations

import re

from ...core.chat_format import CallDelta
from .calls import OpenCall
from .json_value import JsonValue


class NamedCallParser:
    """Reads calls such as name[ARGS]{...}, one after another; `name` finds the name in what stands before the brace.

    A header without a name makes the rest of the channel raw text.
    """

    def __init__(self, name: re.Pattern[str]) -> None:
        self.count = 0
        self._name = name
        self._begin_channel()

    def _begin_channel(self) -> None:
        self._raw = self._header = ""
        self._found = self._broken = False
        self._call, self._value = OpenCall(), JsonValue()

    def feed(self, text: str) -> list[CallDelta]:
        """What this piece of text tells of the calls."""
        if not self._found:
            self._raw += text
        deltas: list[CallDelta] = []
        while text and not self._broken:
            more, text = self._in_header(text) if self._call.index is None else self._in_arguments(text)
            deltas += more
        return deltas

    def _in_header(self, text: str) -> tuple[list[CallDelta], str]:
        before, brace, after = text.partition("{")
        self._header += before
        if not brace:
            return [], ""
        found = self._name.search(self._header)
        self._header = ""
        if found is None:
            self._broken = True
            return [], ""
        self._found = True
        self.count += 1
        return self._call.name(self.count - 1, found.group(1)), brace + after

    def _in_arguments(self, text: str) -> tuple[list[CallDelta], str]:
        end = self._value.end(text)
        deltas = self._call.arguments(text[:end])
        if end is None:
            return deltas, ""
        self._call, self._value = OpenCall(), JsonValue()
        return deltas, text[end:]

    def close(self) -> tuple[list[CallDelta], str]:
        """The channel has ended: a call that was cut stays as it is; the raw text when there was no call in it."""
        raw = "" if self._found or not self._raw.strip() else self._raw
        self._begin_channel()
        return [], raw
