"""Parsers that turn the text of calls into tool calls while it arrives; what they share."""

from __future__ import annotations

from ...core.chat_format import CallDelta
from .json_value import JsonValue, StringText


class OpenCall:
    """The call that is being read: a name, and arguments that wait until the name is known."""

    def __init__(self) -> None:
        self.index: int | None = None
        self.wrote_arguments = False
        self._waiting = ""

    def name(self, index: int, name: str) -> list[CallDelta]:
        """The name is known: the call begins for the client, with what has come of its arguments."""
        self.index = index
        return [CallDelta(index, name=name), *self.arguments("")]

    def arguments(self, piece: str) -> list[CallDelta]:
        """More of the arguments."""
        self.wrote_arguments |= bool(piece)
        self._waiting += piece
        if self.index is None or not self._waiting:
            return []
        piece, self._waiting = self._waiting, ""
        return [CallDelta(self.index, arguments=piece)]

    def finish(self) -> list[CallDelta]:
        """The call has ended: without arguments it has an empty object of them."""
        return [] if self.wrote_arguments else self.arguments("{}")


class Arguments:
    """The value of "arguments" while it arrives, as the JSON text that a client gets.

    An object is passed on as it is written; a string holds the JSON text, and is unquoted; null means none.
    """

    def __init__(self) -> None:
        self._value, self._string = JsonValue(), StringText()
        self._kind = self._scalar = ""
        self._opened = False

    def feed(self, text: str) -> tuple[str, int | None]:
        """The JSON text that this piece brings, and where in the piece the value ends."""
        if not self._kind:
            self._kind = text[0]
        end = self._value.end(text)
        raw = text if end is None else text[:end]
        if self._kind in "{[":
            return raw, end
        if self._kind == '"':
            return self._unquote(raw, end is not None), end
        self._scalar += raw
        return ("" if end is None or self._scalar == "null" else self._scalar), end

    def _unquote(self, raw: str, ends: bool) -> str:
        if not self._opened:
            self._opened, raw = True, raw[1:]
        return self._string.feed(raw[:-1] if ends else raw)
