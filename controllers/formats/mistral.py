"""Mistral: [TOOL_CALLS] in two forms; Magistral thinks between [THINK] and [/THINK]."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...core.chat_format import CallDelta, CallParser, ForcedCall
from .base import TokenizerFormat
from .data import CallData, FamilyData, ThinkData
from .forced import call_schema, parameters_schema, tool_name
from .hermes import HermesCallParser
from .named import NamedCallParser
from .qwen3 import REFLECTION_WORDS
from .tokenizer import ChatTokenizer, has_token

_ARGUMENTS = "[ARGS]"
_NAME = re.compile(r"([^\s,;\[]+)")
_CALL_ID = re.compile(r"[a-zA-Z0-9]{9}")

MISTRAL = FamilyData(
    name="mistral",
    eos=("</s>",),
    turn_open=("[/INST]", "[/TOOL_RESULTS]"),
    think=ThinkData(
        open="[THINK]",
        close="[/THINK]",
        open_text="[THINK]",
        close_text="[/THINK]",
        empty="[THINK][/THINK]",
        optional=True,
    ),
    calls=CallData(open=("[TOOL_CALLS]",), visible=(_ARGUMENTS, "[CALL_ID]"), optional=True),
    reflection_words=REFLECTION_WORDS,
)


class MistralCallParser:
    """Reads name[ARGS]{...} as newer models write it, and [{"name": ..., "arguments": ...}, ...] of the older ones."""

    def __init__(self) -> None:
        self.count = 0
        self._listed, self._named = HermesCallParser(), NamedCallParser(_NAME)
        self._current: HermesCallParser | NamedCallParser | None = None

    def feed(self, text: str) -> list[CallDelta]:
        """What this piece of text tells of the calls."""
        if self._current is None:
            text = text.lstrip()
            if not text:
                return []
            self._current = self._listed if text[0] in "[{" else self._named
            self._current.count = self.count
        deltas = self._current.feed(text)
        self.count = self._current.count
        return deltas

    def close(self) -> tuple[list[CallDelta], str]:
        """The channel has ended."""
        current, self._current = self._current, None
        return current.close() if current is not None else ([], "")


class MistralFormat(TokenizerFormat):
    """Calls need code, and so do their ids, which templates accept in one form only."""

    data = MISTRAL

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        super().__init__(tokenizer)
        self._names_first = has_token(self._backend, _ARGUMENTS)

    def adapt(self, messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The messages as the template wants them: call ids of nine letters and digits."""
        adapted = super().adapt(messages)
        for message in adapted:
            if "tool_call_id" in message:
                message["tool_call_id"] = call_id(message["tool_call_id"])
            for call in message.get("tool_calls", ()):
                call["id"] = call_id(call.get("id"))
        return adapted

    def call_parser(self) -> CallParser:
        """A parser for the calls of one answer."""
        return MistralCallParser()

    def forced_call(self, tools: Sequence[Mapping[str, Any]]) -> ForcedCall:
        """How a call to one of the tools is written; a choice between several is written in the older form."""
        if self._names_first and len(tools) == 1:
            opening = f"[TOOL_CALLS]{tool_name(tools[0])}{_ARGUMENTS}"
            return ForcedCall(opening, parameters_schema(tools[0]), "")
        return ForcedCall("[TOOL_CALLS][", call_schema(tools), "]")


def call_id(given: object) -> str:
    """The id itself when it has Mistral's form, else nine characters that stand for it."""
    text = str(given)
    return text if _CALL_ID.fullmatch(text) else hashlib.sha256(text.encode()).hexdigest()[:9]
