"""The chat template, against what Qwen3's does with the same messages."""

from typing import Any

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from flyball.training.pocket.tokenizer import chat_template

QUESTION = {"role": "user", "content": "Hi"}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
CALL = {"type": "function", "function": {"name": "add", "arguments": {"a": 1}}}


def render(messages: list[dict[str, Any]], **values: Any) -> str:
    template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(chat_template())
    return template.render(messages=messages, **values)


@pytest.mark.parametrize(
    ("values", "end"),
    [
        ({}, "<|im_start|>assistant\n"),
        ({"enable_thinking": True}, "<|im_start|>assistant\n"),
        ({"enable_thinking": False}, "<|im_start|>assistant\n<think>\n\n</think>\n\n"),
    ],
)
def test_the_generation_prompt_holds_an_empty_block_only_without_thinking(values: dict[str, bool], end: str) -> None:
    assert render([QUESTION], add_generation_prompt=True, **values) == "<|im_start|>user\nHi<|im_end|>\n" + end


def test_content_may_be_a_list_of_text_parts() -> None:
    parts = [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]
    assert render([{"role": "user", "content": parts}]) == render([QUESTION])


@pytest.mark.parametrize(
    "reply",
    [
        {"role": "assistant", "content": "4", "reasoning_content": "2+2"},
        {"role": "assistant", "content": "4", "reasoning": "2+2"},
        {"role": "assistant", "content": "<think>\n2+2\n</think>\n\n4"},
    ],
)
def test_thinking_is_kept_in_the_last_turn_and_stripped_from_earlier_ones(reply: dict[str, Any]) -> None:
    head = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert render([QUESTION, reply]) == head + "<think>\n2+2\n</think>\n\n4<|im_end|>\n"
    assert render([QUESTION, reply, QUESTION]).startswith(head + "4<|im_end|>\n<|im_start|>user\n")


def test_thinking_is_kept_across_the_tool_calls_of_one_question() -> None:
    call = {"role": "assistant", "content": None, "reasoning_content": "I add", "tool_calls": [CALL, CALL]}
    result = {"role": "tool", "content": "1"}
    assert render([QUESTION, call, result, result], add_generation_prompt=True) == (
        "<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\n<think>\nI add\n</think>\n\n"
        '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>\n'
        '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\n1\n</tool_response>\n<tool_response>\n1\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_tools_are_listed_in_the_system_turn_in_hermes_style() -> None:
    text = render([{"role": "system", "content": "Be brief."}, QUESTION], tools=[TOOL])
    assert text.startswith("<|im_start|>system\nBe brief.\n\n# Tools\n")
    assert '<tools>\n{"function": {"name": "add"' in text
    assert text.count("<|im_start|>system") == 1


def test_the_system_turn_comes_first() -> None:
    text = render([{"role": "system", "content": "Be brief."}, QUESTION])
    assert text == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
