"""gpt-oss: harmony messages, each with a header that says its channel and, for a call, the tool."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...core.chat_format import CallDelta, CallParser, ForcedCall, Thinking, Tracker
from .base import TokenizerFormat
from .calls import OpenCall
from .data import CallData, FamilyData, ThinkData
from .forced import only_tool, parameters_schema, tool_name
from .harmony import HarmonyIds, HarmonyTracker
from .tokenizer import ChatTokenizer, marker_id

_NAME = re.compile(r"=\s*(?:functions\.)?([^\s<]+)")
_FINAL = "<|channel|>final<|message|>"

GPT_OSS = FamilyData(
    name="gpt-oss",
    eos=("<|return|>", "<|call|>", "<|endoftext|>"),
    turn_open=("<|start|>",),
    think=ThinkData(
        open="<|channel|>analysis<|message|>",
        close="<|end|>",
        open_text="<|channel|>analysis<|message|>",
        close_text=f"<|end|><|start|>assistant{_FINAL}",
        empty=_FINAL,
        decision_prefix="<|channel|>",
        no_think=("final", "commentary"),
    ),
    calls=CallData(visible=("<|channel|>", "<|constrain|>", "<|message|>")),
    reflection_words=("Wait", "But", "Hmm", "However", "Alternatively", "Actually", "Let's double-check",
                      "Let's check", "Let's verify", "Let's recompute", "Another approach"),
    reads_effort=True,
    reasoning_key="thinking",
    call_turn_end="<|call|>",
    roles={},
)  # fmt: skip


class HarmonyCallParser:
    """Reads calls as the tracker shows them: the header from "to=" on, <|message|>, and the arguments to the end."""

    def __init__(self) -> None:
        self.count = 0
        self._begin()

    def _begin(self) -> None:
        self._header = ""
        self._call = OpenCall()

    def feed(self, text: str) -> list[CallDelta]:
        """What this piece of text tells of the call."""
        if self._call.index is not None:
            return self._call.arguments(text)
        self._header += text
        header, ended, body = self._header.partition("<|message|>")
        found = _NAME.search(header)
        if not ended or found is None:
            return []
        self.count += 1
        return [*self._call.name(self.count - 1, found.group(1)), *self._call.arguments(body)]

    def close(self) -> tuple[list[CallDelta], str]:
        """The call has ended. A header that was cut is no text for anybody."""
        deltas = self._call.finish() if self._call.index is not None else []
        self._begin()
        return deltas, ""


class GptOssFormat(TokenizerFormat):
    """Channels, calls and histories need code."""

    data = GPT_OSS

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        super().__init__(tokenizer)
        start, channel, message, end = (
            marker_id(self._backend, text, self.name) for text in ("<|start|>", "<|channel|>", "<|message|>", "<|end|>")
        )
        self._harmony = HarmonyIds(start, channel, message, self.eos_ids | {end}, lambda token: self.decode([token]))

    def _single_markers(self) -> None:
        """Channels are not marked by single tokens."""

    def new_tracker(self, tools: bool) -> Tracker:
        """A tracker at the beginning of a message."""
        return HarmonyTracker(self._harmony, tools)

    def render_text(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        thinking: Thinking,
        template_args: Mapping[str, Any],
    ) -> str:
        """The prompt's text; without thinking the template is told of low effort, unless the request says otherwise."""
        effort = {"reasoning_effort": "low"} if thinking is Thinking.OFF else {}
        return super().render_text(messages, tools, thinking, {**effort, **template_args})

    def adapt(self, messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The messages as the template wants them: one call per message, content or thinking beside it, never both.

        The template renders either as analysis, so content joins the thinking.
        """
        adapted = one_call_per_message(super().adapt(messages))
        for message in adapted:
            if message.get("tool_calls") and message["content"] and "thinking" in message:
                message["thinking"] = f"{message['thinking']}\n\n{message['content']}"
                message["content"] = ""
        return adapted

    def call_parser(self) -> CallParser:
        """A parser for the calls of one answer."""
        return HarmonyCallParser()

    def forced_call(self, tools: Sequence[Mapping[str, Any]]) -> ForcedCall:
        """How a call to the one tool is written, in a message of its own after the (empty) final one."""
        tool = only_tool(tools, self.name)
        header = f"<|channel|>commentary to=functions.{tool_name(tool)} <|constrain|>json<|message|>"
        return ForcedCall(f"<|end|><|start|>assistant{header}", parameters_schema(tool), "<|call|>")


def one_call_per_message(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Several calls of one message as messages of one call, each followed by its result."""
    split: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []
    for message in messages:
        if waiting and message["role"] == "tool":
            split += _call_before(message, waiting)
        else:
            split += waiting
            waiting = []
        if len(message.get("tool_calls", ())) > 1:
            waiting = _split(message)
        else:
            split.append(message)
    return split + waiting


def _split(message: dict[str, Any]) -> list[dict[str, Any]]:
    first, *rest = message["tool_calls"]
    others = [{"role": "assistant", "content": "", "tool_calls": [call]} for call in rest]
    return [{**message, "tool_calls": [first]}, *others]


def _call_before(result: dict[str, Any], waiting: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The call that the result belongs to, taken from those that wait."""
    for index, message in enumerate(waiting):
        if message["tool_calls"][0].get("id") == result.get("tool_call_id"):
            return [waiting.pop(index)]
    return []
