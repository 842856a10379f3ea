"""DeepSeek-R1 and its distilled models: the template opens thinking; calls name the tool before a JSON block."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...core.chat_format import CallParser, ForcedCall
from .base import TokenizerFormat
from .data import CallData, FamilyData, ThinkData
from .forced import only_tool, parameters_schema, tool_name
from .named import NamedCallParser
from .qwen3 import REFLECTION_WORDS


def _token(text: str) -> str:
    """A special token as DeepSeek writes it: between full-width bars, with U+2581 for spaces."""
    return f"<\uff5c{text.replace(' ', chr(0x2581))}\uff5c>"


_SEPARATOR = _token("tool sep")
_OPENING = _token("tool calls begin") + _token("tool call begin")
_CLOSING = _token("tool call end") + _token("tool calls end")
_NAME = re.compile(rf"(?:function{re.escape(_SEPARATOR)})?([^\s`<]+)(?=\s|{re.escape(_SEPARATOR)})")

DEEPSEEK_R1 = FamilyData(
    name="deepseek-r1",
    eos=(_token("end of sentence"),),
    turn_open=(_token("Assistant"), _token("tool outputs end")),
    think=ThinkData(
        empty="<think>\nOkay, I think I have finished thinking.\n</think>\n\n",
        decision_prefix="<think>\n",
        no_think=("</think>",),
    ),
    calls=CallData(
        open=(_token("tool calls begin"),),
        inner=(_token("tool call begin"), _token("tool call end")),
        close=(_token("tool calls end"),),
        visible=(_SEPARATOR,),
        optional=True,
    ),
    reflection_words=REFLECTION_WORDS,
    arguments="text",
    null_content=True,
)


class DeepSeekR1Format(TokenizerFormat):
    """Only calls need code. The models distilled into Qwen and Llama have no call tokens, and make no calls."""

    data = DEEPSEEK_R1

    def call_parser(self) -> CallParser:
        """A parser for the calls of one answer."""
        return NamedCallParser(_NAME)

    def forced_call(self, tools: Sequence[Mapping[str, Any]]) -> ForcedCall:
        """How a call to the one tool is written."""
        tool = only_tool(tools, self.name)
        opening = f"{_OPENING}function{_SEPARATOR}{tool_name(tool)}\n```json\n"
        return ForcedCall(opening, parameters_schema(tool), f"\n```{_CLOSING}")
