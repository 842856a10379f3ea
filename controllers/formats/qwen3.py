"""Qwen3: ChatML turns, <think> blocks, Hermes calls."""

from __future__ import annotations

from ...core.chat_format import Fence, Thinking
from .base import TokenizerFormat
from .data import CallData, FamilyData, ThinkData

REFLECTION_WORDS = (
    "Wait",
    "Alternatively",
    "Hmm",
    "But",
    "However",
    "Actually",
    "Hold on",
    "Let me double-check",
    "Let me check",
    "Let me verify",
    "Let me recheck",
    "Let me think again",
    "Let me try another",
    "Another way",
    "Another approach",
)

QWEN3 = FamilyData(
    name="qwen3",
    eos=("<|im_end|>", "<|endoftext|>"),
    turn_open=("<|im_start|>",),
    think=ThinkData(
        decision_prefix="<think>",
        no_think=("\n\n",),
        template_args={
            Thinking.ON: {"enable_thinking": True},
            Thinking.OFF: {"enable_thinking": False},
            Thinking.AUTO: {"enable_thinking": True},
        },
    ),
    calls=CallData(open=("<tool_call>",), close=("</tool_call>",)),
    reflection_words=REFLECTION_WORDS,
    reasoning_key="reasoning_content",
    fence=Fence(languages=("python", "py", "python3"), output="```output\n{}\n```\n"),
)


class Qwen3Format(TokenizerFormat):
    """The family's data say everything."""

    data = QWEN3
