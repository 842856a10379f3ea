"""Ends of prompts, as different templates leave them; messages in the form that templates want."""

from typing import Any

import msgspec
import pytest

from flyball.controllers.formats.messages import adapt_messages
from flyball.controllers.formats.prompt import end_prompt
from flyball.controllers.formats.qwen3 import QWEN3
from flyball.core.chat_format import Thinking

THINK = QWEN3.think
EMPTY = "<think>\n\n</think>\n\n"
CALL: dict[str, Any] = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize("left", ["", "<think>\n", EMPTY])
@pytest.mark.parametrize(
    ("thinking", "end"), [(Thinking.ON, "<think>\n"), (Thinking.OFF, EMPTY), (Thinking.AUTO, "<think>")]
)
def test_the_end_is_the_same_whatever_the_template_left(left: str, thinking: Thinking, end: str) -> None:
    assert THINK is not None
    assert end_prompt("user says <think>\nassistant\n" + left, thinking, THINK) == (
        "user says <think>\nassistant\n" + end
    )


@pytest.mark.parametrize("left", ["", "<think>\n", EMPTY])
def test_by_default_the_template_decides(left: str) -> None:
    assert THINK is not None
    assert end_prompt("assistant\n" + left, Thinking.DEFAULT, THINK) == "assistant\n" + left


def test_arguments_that_are_no_object_stay_as_they_are() -> None:
    def adapted(arguments: Any) -> Any:
        call = {**CALL, "function": {"name": "f", "arguments": arguments}}
        (message,) = adapt_messages([{"role": "assistant", "tool_calls": [call]}], QWEN3)
        return message["tool_calls"][0]["function"]["arguments"]

    assert [adapted(value) for value in ('{"a": 1}', "[1]", "oops", "", {"b": 2}, None)] == [
        {"a": 1},
        "[1]",
        "oops",
        {},
        {"b": 2},
        {},
    ]


def test_arguments_are_texts_where_the_template_wants_them_so() -> None:
    family = msgspec.structs.replace(QWEN3, arguments="text")
    calls = [CALL, {**CALL, "function": {"name": "f", "arguments": {"a": 1}}}]
    (message,) = adapt_messages([{"role": "assistant", "tool_calls": calls}], family)
    assert [call["function"]["arguments"] for call in message["tool_calls"]] == ["{}", '{"a": 1}']


def test_missing_content_is_empty_unless_it_tells_calls_from_answers() -> None:
    messages: list[dict[str, Any]]
    messages = [{"role": "assistant", "content": "", "tool_calls": [CALL]}, {"role": "assistant", "content": None}]
    assert [message["content"] for message in adapt_messages(messages, QWEN3)] == ["", ""]
    family = msgspec.structs.replace(QWEN3, null_content=True)
    assert [message["content"] for message in adapt_messages(messages, family)] == [None, ""]


def test_an_empty_list_of_calls_is_no_call() -> None:
    (message,) = adapt_messages([{"role": "assistant", "content": "x", "tool_calls": []}], QWEN3)
    assert "tool_calls" not in message


def test_both_names_of_reasoning_are_read_and_one_is_written() -> None:
    for key in ("reasoning", "reasoning_content"):
        (message,) = adapt_messages([{"role": "assistant", "content": "x", key: "why"}], QWEN3)
        assert message == {"role": "assistant", "content": "x", "reasoning_content": "why"}


def test_the_clients_messages_are_left_alone() -> None:
    messages = [{"role": "assistant", "content": "<think>a</think>b", "tool_calls": [CALL]}]
    before = msgspec.json.encode(messages)
    adapt_messages(messages, QWEN3)
    assert msgspec.json.encode(messages) == before
