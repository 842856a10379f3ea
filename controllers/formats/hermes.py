"""Calls as JSON objects with a name and arguments: Hermes, Qwen3, Llama 3, older Mistral."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import Enum, auto

from ...core.chat_format import CallDelta
from .calls import Arguments, OpenCall
from .json_value import JsonValue

_ARGUMENTS = ("arguments", "parameters")
_NOT_SPACE = re.compile(r"[^\s,]")


class _At(Enum):
    OUTSIDE = auto()
    KEY = auto()
    COLON = auto()
    VALUE = auto()
    ARGUMENTS = auto()
    SKIPPED = auto()
    BROKEN = auto()


class HermesCallParser:
    """Reads objects such as {"name": "f", "arguments": {...}}, one after another, in pieces of any size.

    The keys may come in any order, "parameters" stands for "arguments", and arguments may be a string that holds JSON.
    With `needs_arguments` an object is a call only once both keys are there: for families whose plain answers may be
    JSON objects with a name.
    """

    def __init__(self, needs_arguments: bool = False) -> None:
        self.count = 0
        self._needs_arguments = needs_arguments
        self._steps: dict[_At, Callable[[], list[CallDelta] | None]] = {
            _At.OUTSIDE: self._outside,
            _At.KEY: self._key,
            _At.COLON: self._colon,
            _At.VALUE: self._begin_value,
            _At.ARGUMENTS: self._in_arguments,
            _At.SKIPPED: self._in_skipped,
            _At.BROKEN: self._in_broken,
        }
        self._begin_channel()

    def _begin_channel(self) -> None:
        self._raw = self._pending = ""
        self._found = False
        self._at = _At.OUTSIDE
        self._begin_call()

    def _begin_call(self) -> None:
        self._call, self._name = OpenCall(), ""
        self._current: object = None
        self._seen_arguments = False
        self._arguments, self._skipped = Arguments(), JsonValue()

    def feed(self, text: str) -> list[CallDelta]:
        """What this piece of text tells of the calls."""
        if not self._found:
            self._raw += text
        self._pending += text
        deltas: list[CallDelta] = []
        while self._pending and (more := self._steps[self._at]()) is not None:
            deltas += more
        return deltas

    def close(self) -> tuple[list[CallDelta], str]:
        """The channel has ended: a call that was cut stays as it is; the raw text when there was no call in it."""
        raw = "" if self._found or not self._raw.strip() else self._raw
        self._begin_channel()
        return [], raw

    # Each step takes what it can from the pending text; None: it needs more text.

    def _outside(self) -> list[CallDelta] | None:
        start = self._pending.find("{")
        if start < 0:
            self._pending = ""
            return None
        self._pending, self._at = self._pending[start + 1 :], _At.KEY
        self._begin_call()
        return []

    def _skip_space(self) -> str:
        """The next character that is no space or comma; "" when there is none yet."""
        found = _NOT_SPACE.search(self._pending)
        self._pending = self._pending[found.start() :] if found else ""
        return self._pending[:1]

    def _key(self) -> list[CallDelta] | None:
        match self._skip_space():
            case "":
                return None
            case "}":
                self._pending, self._at = self._pending[1:], _At.OUTSIDE
                deltas = self._show_call(whole=True)
                return deltas + (self._call.finish() if self._call.index is not None else [])
            case '"':
                return self._whole_key()
            case _:
                self._at = _At.BROKEN
                return []

    def _whole_key(self) -> list[CallDelta] | None:
        end = JsonValue().end(self._pending)
        if end is None:
            return None
        self._current, self._pending = _parsed(self._pending[:end]), self._pending[end:]
        self._at = _At.COLON
        return []

    def _colon(self) -> list[CallDelta] | None:
        char = self._skip_space()
        if not char:
            return None
        self._at = _At.VALUE if char == ":" else _At.BROKEN
        self._pending = self._pending[1:]
        return []

    def _begin_value(self) -> list[CallDelta] | None:
        char = self._skip_space()
        if not char:
            return None
        if char in "}]":
            self._at = _At.BROKEN
        elif self._current == "name" and not self._name:
            return self._whole_name()
        elif self._current in _ARGUMENTS and not self._seen_arguments:
            self._seen_arguments, self._arguments, self._at = True, Arguments(), _At.ARGUMENTS
            return self._show_call()
        else:
            self._skipped, self._at = JsonValue(), _At.SKIPPED
        return []

    def _whole_name(self) -> list[CallDelta] | None:
        end = JsonValue().end(self._pending)
        if end is None:
            return None
        name, self._pending = _parsed(self._pending[:end]), self._pending[end:]
        if not isinstance(name, str) or not name:
            self._at = _At.BROKEN
            return []
        self._name, self._at = name, _At.KEY
        return self._show_call()

    def _show_call(self, whole: bool = False) -> list[CallDelta]:
        """Begin the call for the client, once it is known to be one."""
        known = self._name and (self._seen_arguments or not self._needs_arguments)
        if self._call.index is not None or not known:
            return []
        self._found = True
        self.count += 1
        return self._call.name(self.count - 1, self._name)

    def _in_arguments(self) -> list[CallDelta] | None:
        piece, end = self._arguments.feed(self._pending)
        self._pending = "" if end is None else self._pending[end:]
        if end is not None:
            self._at = _At.KEY
        return self._call.arguments(piece)

    def _in_skipped(self) -> list[CallDelta] | None:
        end = self._skipped.end(self._pending)
        self._pending = "" if end is None else self._pending[end:]
        if end is not None:
            self._at = _At.KEY
        return []

    def _in_broken(self) -> list[CallDelta] | None:
        self._pending = ""
        return None


def _parsed(text: str) -> object:
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return None
