"""The tracker of harmony messages (gpt-oss)."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import NamedTuple

from ...core.chat_format import Mark
from ...core.events import Channel

_ROLE = re.compile(r"[^\s<]*")
_CHANNEL = re.compile(r"<\|channel\|>(\w+)")


class HarmonyIds(NamedTuple):
    """The tokens that shape messages, and the text of any token."""

    start: int
    channel: int
    message: int
    ends: frozenset[int]
    text_of: Callable[[int], str]


class HarmonyTracker:
    """Follows messages: a header up to <|message|>, a body up to <|end|>, <|call|> or <|return|>.

    Busy inside of headers. Their tokens are markers of the channel before; but from "to=" on, with tools, they are the
    call's text, because they name the tool. Bodies of others than the assistant are results.
    """

    def __init__(self, ids: HarmonyIds, tools: bool) -> None:
        self.special = frozenset({ids.start, ids.channel, ids.message}) | ids.ends
        self.channel = Channel.ANSWER
        self.busy = True
        self._ids, self._tools = ids, tools
        self._header = ""

    def see(self, token: int) -> Mark:
        """What this token means; moves on."""
        if token in self._ids.ends or token == self._ids.start:
            return self._begin_header("")
        if self.busy:
            return self._in_header(token)
        if token == self._ids.channel:  # a model that forgot to end the message before
            return self._begin_header(self._ids.text_of(token))
        return Mark(self.channel, False, self.channel)

    def _begin_header(self, header: str) -> Mark:
        before, self.channel = self.channel, Channel.ANSWER
        self.busy, self._header = True, header
        return Mark(before, True, Channel.ANSWER)

    def _in_header(self, token: int) -> Mark:
        self._header += self._ids.text_of(token)
        self.busy = token != self._ids.message
        if self._names_tool():
            self.channel = Channel.CALL
            return Mark(Channel.CALL, False, Channel.CALL)
        if not self.busy:
            self.channel = self._body()
        return Mark(self.channel, True, self.channel)

    def _from_assistant(self) -> bool:
        role = _ROLE.match(self._header)
        return role is None or role.group() in ("", "assistant")

    def _names_tool(self) -> bool:
        return self._tools and "to=" in self._header and self._from_assistant()

    def _body(self) -> Channel:
        if not self._from_assistant():
            return Channel.RESULT
        found = _CHANNEL.search(self._header)
        return Channel.THINK if found is not None and found.group(1) == "analysis" else Channel.ANSWER

    def fork(self) -> HarmonyTracker:
        """An independent copy."""
        return copy.copy(self)
