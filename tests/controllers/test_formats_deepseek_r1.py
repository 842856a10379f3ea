"""DeepSeek-R1 over a byte tokenizer with a template of its structure."""

import json
from typing import Any

import pytest

from flyball.controllers.formats.byte_tokenizer import byte_tokenizer
from flyball.controllers.formats.deepseek_r1 import DeepSeekR1Format
from flyball.core.chat_format import CallDelta, ChatFormat, Mark, Thinking
from flyball.core.errors import ConfigError, RequestError
from flyball.core.events import Channel

TEMPLATE = """{{- '<｜begin▁of▁sentence｜>' -}}
{%- for message in messages -%}
{%- if message.role == 'system' -%}{{- message.content -}}{%- endif -%}
{%- if message.role == 'user' -%}{{- '<｜User｜>' + message.content -}}{%- endif -%}
{%- if message.role == 'assistant' and message.content is none -%}
{%- for call in message.tool_calls -%}
{{- '<｜Assistant｜><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>' + call.function.name + '\n```json\n'
    + call.function.arguments + '\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜><｜end▁of▁sentence｜>' -}}
{%- endfor -%}
{%- elif message.role == 'assistant' -%}
{{- '<｜Assistant｜>' + message.content.split('</think>')[-1] + '<｜end▁of▁sentence｜>' -}}
{%- endif -%}
{%- if message.role == 'tool' -%}
{{- '<｜tool▁outputs▁begin｜>' + message.content + '<｜tool▁outputs▁end｜>' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt and messages[-1].role != 'tool' -%}{{- '<｜Assistant｜><think>\n' -}}{%- endif -%}
"""  # noqa: RUF001
TEXTS = ["begin▁of▁sentence", "end▁of▁sentence"]
SHOWN = ["User", "Assistant"]
TOOL_TEXTS = ["tool▁calls▁begin", "tool▁call▁begin", "tool▁sep", "tool▁call▁end", "tool▁calls▁end",
              "tool▁outputs▁begin", "tool▁outputs▁end"]  # fmt: skip
QUESTION: list[dict[str, Any]] = [{"role": "user", "content": "2+2?"}]
TURN = "<｜begin▁of▁sentence｜><｜User｜>2+2?<｜Assistant｜>"  # noqa: RUF001
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "title": "F"}}}]
NOT_THINKING = "<think>\nOkay, I think I have finished thinking.\n</think>\n\n"


def wrapped(texts: list[str]) -> list[str]:
    return [f"<\uff5c{text}\uff5c>" for text in texts]


@pytest.fixture(scope="module")
def r1() -> ChatFormat:
    markers = ["<think>", "</think>", *wrapped(SHOWN + TOOL_TEXTS)]
    return DeepSeekR1Format(byte_tokenizer(TEMPLATE, special=wrapped(TEXTS), markers=markers))


@pytest.fixture(scope="module")
def distilled() -> ChatFormat:
    markers = ["<think>", "</think>", *wrapped(SHOWN)]
    return DeepSeekR1Format(byte_tokenizer(TEMPLATE, special=wrapped(TEXTS), markers=markers))


@pytest.mark.parametrize(
    ("thinking", "end", "channel"),
    [
        (Thinking.DEFAULT, "<think>\n", Channel.THINK),
        (Thinking.ON, "<think>\n", Channel.THINK),
        (Thinking.OFF, NOT_THINKING, Channel.ANSWER),
        (Thinking.AUTO, "<think>\n", Channel.THINK),
    ],
)
def test_the_prompt_ends_where_the_thinking_mode_wants_it(
    r1: ChatFormat, thinking: Thinking, end: str, channel: Channel
) -> None:
    ids = r1.render(QUESTION, None, thinking, {})
    assert r1.decode(ids) == TURN + end
    assert r1.tracker(ids).channel is channel


def test_closing_at_once_means_no_thinking(r1: ChatFormat) -> None:
    assert r1.decision is not None
    assert r1.decision.no_think_ids == (r1.think_end_id,)


def test_after_a_result_the_model_answers_in_the_same_turn(r1: ChatFormat) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    messages = [*QUESTION, {"role": "assistant", "content": "", "tool_calls": [call]}]
    ids = r1.render([*messages, {"role": "tool", "tool_call_id": "c", "content": "4"}], TOOLS, Thinking.DEFAULT, {})
    assert 'f\n```json\n{"a": 1}\n```' in r1.decode(ids)
    assert r1.tracker(ids, tools=True).channel is Channel.ANSWER


def test_calls_of_one_block_are_told_apart(r1: ChatFormat) -> None:
    def one(name: str, arguments: str) -> str:
        begin, sep, end = wrapped(["tool▁call▁begin", "tool▁sep", "tool▁call▁end"])
        return f"{begin}function{sep}{name}\n```json\n{arguments}\n```{end}"

    first, last = wrapped(["tool▁calls▁begin", "tool▁calls▁end"])
    tracker = r1.tracker(r1.encode(TURN + "<think>\n</think>"), tools=True)
    parser, stream = r1.call_parser(), r1.text_stream()
    deltas: list[CallDelta] = []
    calls = one("f", "{}") + "\n" + one("g", '{"b": "```"}')
    for token in r1.encode(first + calls + last):
        mark = tracker.see(token) if token in tracker.special else Mark(tracker.channel, False, tracker.channel)
        assert mark.channel is Channel.CALL
        if mark.marker:
            deltas += parser.close()[0]
            stream = r1.text_stream()
        else:
            deltas += parser.feed(stream.feed([token]))
    assert tracker.channel is Channel.ANSWER
    assert [delta.name for delta in deltas if delta.name] == ["f", "g"]
    arguments = ["".join(delta.arguments for delta in deltas if delta.index == index) for index in (0, 1)]
    assert [json.loads(text) for text in arguments] == [{}, {"b": "```"}]


def test_a_forced_call_is_read_back_as_that_call(r1: ChatFormat) -> None:
    forced = r1.forced_call(TOOLS)
    assert forced.schema["title"] == "F"
    parser = r1.call_parser()
    assert parser.feed(forced.opening.split(wrapped(["tool▁call▁begin"])[0])[1] + "{}")[0].name == "f"
    tracker = r1.tracker(r1.encode(TURN), tools=True)
    for token in r1.encode(forced.opening + "{}" + forced.closing):
        if token in tracker.special:
            tracker.see(token)
    assert tracker.channel is Channel.ANSWER


def test_distilled_models_have_no_calls_and_say_so(distilled: ChatFormat) -> None:
    assert distilled.tracker(distilled.encode(TURN), tools=True).channel is Channel.ANSWER
    with pytest.raises(RequestError) as caught:
        distilled.render(QUESTION, TOOLS, Thinking.DEFAULT, {})
    assert caught.value.param == "tools"


def test_a_marker_in_pieces_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="'deepseek-r1' needs '</think>' as one token"):
        DeepSeekR1Format(byte_tokenizer(TEMPLATE, special=wrapped(TEXTS), markers=["<think>"]))


def test_a_tokenizer_without_the_end_of_the_turn_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="ends turns"):
        DeepSeekR1Format(byte_tokenizer(TEMPLATE, markers=["<think>", "</think>"]))
