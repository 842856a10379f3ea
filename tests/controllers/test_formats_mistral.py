"""Mistral and Magistral over byte tokenizers with a template of their structure."""

from typing import Any

import pytest

from flyball.controllers.formats.byte_tokenizer import byte_tokenizer
from flyball.controllers.formats.mistral import MistralFormat, call_id
from flyball.core.chat_format import ChatFormat, Thinking
from flyball.core.errors import RequestError
from flyball.core.events import Channel

THINK, ANSWER, CALL = Channel.THINK, Channel.ANSWER, Channel.CALL
OLD = ["<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"]
NEW = [*OLD, "[ARGS]", "[CALL_ID]"]
TEMPLATE = """{{- '<s>' -}}
{%- for message in messages -%}
{%- if message.role == 'user' -%}{{- '[INST]' + message.content + '[/INST]' -}}
{%- elif message.role == 'tool' -%}{{- '[TOOL_RESULTS]' + message.tool_call_id + message.content + '[/TOOL_RESULTS]' -}}
{%- elif message.tool_calls -%}
{%- for call in message.tool_calls -%}
{%- if call.id | length != 9 -%}{{- raise_exception('ids have nine characters') -}}{%- endif -%}
{{- '[TOOL_CALLS]' + call.function.name + '[ARGS]' + call.function.arguments | tojson -}}
{%- endfor -%}{{- '</s>' -}}
{%- else -%}{{- message.content + '</s>' -}}{%- endif -%}
{%- endfor -%}
"""
QUESTION: list[dict[str, Any]] = [{"role": "user", "content": "2+2?"}]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("f", "g")]


@pytest.fixture(scope="module")
def old() -> ChatFormat:
    return MistralFormat(byte_tokenizer(TEMPLATE, special=OLD))


@pytest.fixture(scope="module")
def new() -> ChatFormat:
    return MistralFormat(byte_tokenizer(TEMPLATE, special=NEW))


@pytest.fixture(scope="module")
def magistral() -> ChatFormat:
    return MistralFormat(byte_tokenizer(TEMPLATE, special=[*NEW, "[THINK]", "[/THINK]"]))


def calls_of(format: ChatFormat, text: str) -> tuple[list[tuple[str, str]], Channel]:
    """The calls of an answer, decoded and parsed as the transcript does it, and the channel at the end."""
    tracker = format.tracker(format.encode("[INST]2+2?[/INST]"), tools=True)
    parser, stream = format.call_parser(), format.text_stream()
    calls: list[tuple[str, str]] = []
    for token in format.encode(text):
        if token in tracker.special and tracker.see(token).marker:
            parser.close()
            stream = format.text_stream()
        elif tracker.channel is CALL:
            for delta in parser.feed(stream.feed([token])):
                calls += [] if delta.name is None else [(delta.name, "")]
                calls[delta.index] = (calls[delta.index][0], calls[delta.index][1] + delta.arguments)
    return calls, tracker.channel


def test_the_end_of_the_turn_ends_a_call(new: ChatFormat) -> None:
    assert calls_of(new, 'Sure.[TOOL_CALLS]f[ARGS]{"a": 1}</s>') == ([("f", '{"a": 1}')], ANSWER)


def test_calls_in_a_row_and_call_ids_are_read(new: ChatFormat) -> None:
    text = '[TOOL_CALLS]f[CALL_ID]a1B2c3D4e[ARGS]{"a": 1}[TOOL_CALLS]g[ARGS]{}</s>'
    assert calls_of(new, text) == ([("f", '{"a": 1}'), ("g", "{}")], ANSWER)


def test_lists_of_calls_are_read(old: ChatFormat) -> None:
    text = '[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": {}}]</s>'
    assert calls_of(old, text) == ([("f", '{"a": 1}'), ("g", "{}")], ANSWER)


def test_call_ids_become_nine_characters_on_both_sides(new: ChatFormat) -> None:
    call = {"id": "call_0123456789", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [*QUESTION, {"role": "assistant", "content": None, "tool_calls": [call]}]
    messages.append({"role": "tool", "tool_call_id": "call_0123456789", "content": "4"})
    text = new.decode(new.render(messages, TOOLS, Thinking.DEFAULT, {}))
    assert f"[TOOL_RESULTS]{call_id('call_0123456789')}4" in text
    assert call["id"] == "call_0123456789"
    assert call_id("a1B2c3D4e") == "a1B2c3D4e"


def test_the_tracker_starts_after_results_too(magistral: ChatFormat) -> None:
    prompt = "[INST]a[/INST][THINK]b[TOOL_CALLS]f[ARGS]{}</s>[TOOL_RESULTS]4[/TOOL_RESULTS]"
    assert magistral.tracker(magistral.encode(prompt), tools=True).channel is ANSWER


def test_a_forced_call_names_the_tool_first_where_the_model_does(old: ChatFormat, new: ChatFormat) -> None:
    assert new.forced_call(TOOLS[:1]) == ("[TOOL_CALLS]f[ARGS]", {"type": "object"}, "")
    for format, tools in ((old, TOOLS[:1]), (new, TOOLS)):
        forced = format.forced_call(tools)
        assert (forced.opening, forced.closing) == ("[TOOL_CALLS][", "]")
        body = '{"name": "f", "arguments": {}}'
        assert calls_of(format, forced.opening + body + forced.closing)[0] == [("f", "{}")]


def test_only_magistral_thinks(old: ChatFormat, magistral: ChatFormat) -> None:
    assert (old.thinks, magistral.thinks) == (False, True)
    with pytest.raises(RequestError):
        old.render(QUESTION, None, Thinking.ON, {})
    ids = magistral.render(QUESTION, None, Thinking.ON, {})
    tracker = magistral.tracker(ids)
    assert magistral.decode(ids).endswith("[/INST][THINK]")
    assert tracker.channel is THINK
    tracker.see(magistral.close_thinking("Enough.")[-1])
    assert tracker.channel is ANSWER


def test_a_model_without_call_tokens_refuses_tools() -> None:
    bare = MistralFormat(byte_tokenizer(TEMPLATE, special=["</s>", "[INST]", "[/INST]"]))
    with pytest.raises(RequestError) as caught:
        bare.render(QUESTION, TOOLS, Thinking.DEFAULT, {})
    assert caught.value.param == "tools"
