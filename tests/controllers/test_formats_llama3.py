"""Llama 3 over a byte tokenizer with a template of its structure."""

from typing import Any

import pytest

from flyball.controllers.formats.byte_tokenizer import byte_tokenizer
from flyball.controllers.formats.llama3 import Llama3Format
from flyball.core.chat_format import ChatFormat, Thinking, Tracker
from flyball.core.errors import RequestError
from flyball.core.events import Channel

ANSWER, CALL = Channel.ANSWER, Channel.CALL
SPECIAL = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>"]
TEMPLATE = """{{- '<|begin_of_text|>' -}}
{%- for message in messages -%}
{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' -}}
{%- if message.tool_calls -%}
{%- if message.tool_calls | length != 1 -%}{{- raise_exception('one call at once') -}}{%- endif -%}
{%- set call = message.tool_calls[0].function -%}
{{- '{"name": "' + call.name + '", "parameters": ' + call.arguments | tojson + '}' -}}
{%- else -%}{{- message.content -}}{%- endif -%}
{{- '<|eot_id|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}{%- endif -%}
"""
QUESTION: list[dict[str, Any]] = [{"role": "user", "content": "2+2?"}]
TURN = "<|start_header_id|>assistant<|end_header_id|>\n\n"
CALL_TEXT = '{"name": "f", "parameters": {"a": 1}}'
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


@pytest.fixture(scope="module", params=["python_tag", "no python_tag"])
def llama3(request: pytest.FixtureRequest) -> ChatFormat:
    special = SPECIAL + ["<|python_tag|>"] * (request.param == "python_tag")
    return Llama3Format(byte_tokenizer(TEMPLATE, special=special))


@pytest.fixture(scope="module")
def with_python_tag() -> ChatFormat:
    return Llama3Format(byte_tokenizer(TEMPLATE, special=[*SPECIAL, "<|python_tag|>"]))


def follow(tracker: Tracker, ids: list[int]) -> list[tuple[Channel, bool]]:
    """(channel, marker) of each token, in the way the loop asks."""
    seen = []
    for token in ids:
        if tracker.busy or token in tracker.special:
            mark = tracker.see(token)
            seen.append((mark.channel, mark.marker))
        else:
            seen.append((tracker.channel, False))
    return seen


def test_an_answer_that_begins_as_an_object_is_a_call_when_there_are_tools(llama3: ChatFormat) -> None:
    tracker = llama3.tracker(llama3.encode(TURN), tools=True)
    assert tracker.busy
    *body, end = follow(tracker, llama3.encode(CALL_TEXT + "<|eot_id|>"))
    assert set(body) == {(CALL, False)} and end == (CALL, True)
    assert tracker.channel is ANSWER


def test_without_tools_an_object_is_an_answer(llama3: ChatFormat) -> None:
    tracker = llama3.tracker(llama3.encode(TURN))
    assert not tracker.busy
    assert set(follow(tracker, llama3.encode(CALL_TEXT))) == {(ANSWER, False)}


def test_only_the_first_visible_character_decides(llama3: ChatFormat) -> None:
    tracker = llama3.tracker(llama3.encode(TURN), tools=True)
    assert set(follow(tracker, llama3.encode('See {"name": "f"}'))) == {(ANSWER, False)}
    tracker = llama3.tracker(llama3.encode(TURN), tools=True)
    assert follow(tracker, llama3.encode('\n {"'))[-2:] == [(CALL, False)] * 2


def test_the_python_tag_opens_a_call_anywhere(with_python_tag: ChatFormat) -> None:
    for before in ("", "Let me see."):
        tracker = with_python_tag.tracker(with_python_tag.encode(TURN), tools=True)
        follow(tracker, with_python_tag.encode(before + "<|python_tag|>"))
        assert tracker.channel is CALL
        follow(tracker, with_python_tag.encode("x()<|eom_id|>"))
        assert tracker.channel is ANSWER


def test_a_fork_before_the_decision_decides_for_itself(llama3: ChatFormat) -> None:
    tracker = llama3.tracker(llama3.encode(TURN), tools=True)
    fork = tracker.fork()
    follow(tracker, llama3.encode("{"))
    follow(fork, llama3.encode("a"))
    assert (tracker.channel, fork.channel, fork.busy) == (CALL, ANSWER, False)
    assert tracker.fork().channel is CALL


def test_json_that_is_no_call_comes_back_as_text(llama3: ChatFormat) -> None:
    parser = llama3.call_parser()
    assert parser.feed('{"name": "Alice", "age": 3}') == []
    assert parser.close() == ([], '{"name": "Alice", "age": 3}')


def test_the_family_does_not_think(llama3: ChatFormat) -> None:
    assert not llama3.thinks and llama3.decision is None and llama3.think_end_id is None
    for thinking in (Thinking.DEFAULT, Thinking.OFF):
        assert llama3.decode(llama3.render(QUESTION, None, thinking, {})).endswith(TURN)
    for thinking in (Thinking.ON, Thinking.AUTO):
        with pytest.raises(RequestError):
            llama3.render(QUESTION, None, thinking, {})
    with pytest.raises(ValueError, match="do not think"):
        llama3.close_thinking("")


def test_history_calls_are_objects_and_two_at_once_are_refused(llama3: ChatFormat) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    messages: list[dict[str, Any]] = [*QUESTION, {"role": "assistant", "content": None, "tool_calls": [call]}]
    assert CALL_TEXT in llama3.decode(llama3.render(messages, TOOLS, Thinking.DEFAULT, {}))
    messages[-1]["tool_calls"] = [call, call]
    with pytest.raises(RequestError, match="one call at once"):
        llama3.render(messages, TOOLS, Thinking.DEFAULT, {})


def test_a_forced_call_is_the_answer_itself(llama3: ChatFormat) -> None:
    forced = llama3.forced_call(TOOLS)
    assert (forced.opening, forced.closing) == ("", "")
    assert forced.schema["required"] == ["name", "parameters"]
