"""Llama 3: no thinking; the answer itself is a call when it begins as a JSON object, or with <|python_tag|>."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...core.chat_format import CallParser, ForcedCall, Mark, Tracker
from ...core.events import Channel
from .base import TokenizerFormat
from .data import CallData, FamilyData
from .forced import call_schema
from .hermes import HermesCallParser
from .marks import MarkerTracker, Place, Table

LLAMA3 = FamilyData(
    name="llama3",
    eos=("<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"),
    turn_open=("<|end_header_id|>",),
    calls=CallData(open=("<|python_tag|>",), optional=True),
    reflection_words=("Wait", "But", "However", "Alternatively", "Actually", "Let me double-check", "Let me verify"),
)


class JsonStartTracker(MarkerTracker):
    """Busy until the first token with a visible character: an answer that begins with a brace is a call."""

    def __init__(self, table: Table, text_of: Callable[[int], str]) -> None:
        super().__init__(table)
        self.busy = True
        self._text_of = text_of

    def see(self, token: int) -> Mark:
        """What this token means; moves on."""
        begin = "" if not self.busy or token in self.special else self._text_of(token).lstrip()
        if begin or token in self.special:
            self.busy = False
        if begin.startswith("{"):
            self._place, self.channel = Place.CALL, Channel.CALL
        return super().see(token)

    def fork(self) -> JsonStartTracker:
        """An independent copy."""
        copy = JsonStartTracker(self._table, self._text_of)
        copy._place, copy.channel, copy.busy = self._place, self.channel, self.busy
        return copy


class Llama3Format(TokenizerFormat):
    """Calls need code: they are told from answers by how they begin."""

    data = LLAMA3

    def _call_data(self) -> CallData:
        return super()._call_data() or CallData()

    def new_tracker(self, tools: bool) -> Tracker:
        """A tracker at the beginning of an assistant turn."""
        if not tools:
            return super().new_tracker(tools)
        return JsonStartTracker(self._table_with_calls, lambda token: self.decode([token]))

    def call_parser(self) -> CallParser:
        """A parser for the calls of one answer; JSON that is no call is returned as raw text."""
        return HermesCallParser(needs_arguments=True)

    def forced_call(self, tools: Sequence[Mapping[str, Any]]) -> ForcedCall:
        """How a call to one of the tools is written: the answer is its JSON."""
        return ForcedCall("", call_schema(tools, "parameters"), "")
