"""gpt-oss over a byte tokenizer with a template of its structure."""

from collections.abc import Iterator
from typing import Any

import pytest

from flyball.controllers.formats.byte_tokenizer import byte_tokenizer
from flyball.controllers.formats.gpt_oss import GptOssFormat
from flyball.core.chat_format import CallDelta, ChatFormat, Thinking, Tracker
from flyball.core.errors import RequestError
from flyball.core.events import Channel

THINK, ANSWER, CALL, RESULT = Channel.THINK, Channel.ANSWER, Channel.CALL, Channel.RESULT
SPECIAL = ["<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|return|>", "<|call|>"]
TEMPLATE = """{{- '<|start|>system<|message|>Reasoning: ' + (reasoning_effort or 'medium') + '<|end|>' -}}
{%- set last = namespace(name=none) -%}
{%- for message in messages -%}
{%- if message.role == 'assistant' and message.tool_calls -%}
{%- if message.content and message.thinking -%}{{- raise_exception('both content and thinking') -}}{%- endif -%}
{%- if message.content or message.thinking -%}
{{- '<|start|>assistant<|channel|>analysis<|message|>' + (message.content or message.thinking) + '<|end|>' -}}
{%- endif -%}
{%- set last.name = message.tool_calls[0].function.name -%}
{{- '<|start|>assistant to=functions.' + last.name + '<|channel|>commentary json<|message|>' -}}
{{- message.tool_calls[0].function.arguments | tojson + '<|call|>' -}}
{%- elif message.role == 'assistant' -%}
{{- '<|start|>assistant<|channel|>final<|message|>' + message.content + '<|end|>' -}}
{%- elif message.role == 'tool' -%}
{%- if last.name is none -%}{{- raise_exception('result without a call') -}}{%- endif -%}
{{- '<|start|>functions.' + last.name + ' to=assistant<|channel|>commentary<|message|>' + message.content + '<|end|>' -}}
{%- else -%}
{{- '<|start|>' + message.role + '<|message|>' + message.content + '<|end|>' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|start|>assistant' -}}{%- endif -%}
"""
QUESTION: list[dict[str, Any]] = [{"role": "user", "content": "2+2?"}]
TURN = "<|start|>user<|message|>2+2?<|end|><|start|>assistant"
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "title": "F"}}}]


@pytest.fixture(scope="module")
def gpt_oss() -> ChatFormat:
    return GptOssFormat(byte_tokenizer(TEMPLATE, special=SPECIAL))


def steps(tracker: Tracker, ids: list[int]) -> Iterator[tuple[int, Channel, bool]]:
    """What the loop sees: special tokens are shown, and every token while the tracker is busy."""
    for token in ids:
        if tracker.busy or token in tracker.special:
            mark = tracker.see(token)
            yield token, mark.channel, mark.marker
        else:
            yield token, tracker.channel, False


def texts(gpt_oss: ChatFormat, text: str, tools: bool = True) -> list[tuple[Channel, str]]:
    """The texts of the channels without markers."""
    joined: list[tuple[Channel, list[int]]] = []
    open_run = False
    for token, channel, marker in steps(gpt_oss.tracker(gpt_oss.encode(TURN), tools=tools), gpt_oss.encode(text)):
        if not marker:
            if not open_run or joined[-1][0] is not channel:
                joined.append((channel, []))
            joined[-1][1].append(token)
        open_run = not marker
    return [(channel, gpt_oss.text_stream().feed(ids)) for channel, ids in joined]


@pytest.mark.parametrize(
    ("thinking", "end", "channel"),
    [
        (Thinking.DEFAULT, "", ANSWER),
        (Thinking.ON, "<|channel|>analysis<|message|>", THINK),
        (Thinking.OFF, "<|channel|>final<|message|>", ANSWER),
        (Thinking.AUTO, "<|channel|>", ANSWER),
    ],
)
def test_the_prompt_ends_where_the_thinking_mode_wants_it(
    gpt_oss: ChatFormat, thinking: Thinking, end: str, channel: Channel
) -> None:
    ids = gpt_oss.render(QUESTION, None, thinking, {})
    tracker = gpt_oss.tracker(ids)
    assert gpt_oss.decode(ids).endswith(TURN + end)
    assert (tracker.channel, tracker.busy) == (channel, not end.endswith("<|message|>"))


def test_the_channel_name_decides_whether_to_think(gpt_oss: ChatFormat) -> None:
    assert gpt_oss.decision is not None
    first = {gpt_oss.encode(name)[0] for name in ("final", "commentary")}
    assert first == set(gpt_oss.decision.no_think_ids)
    assert gpt_oss.encode("analysis")[0] not in first


def test_effort_is_low_without_thinking_unless_the_request_names_one(gpt_oss: ChatFormat) -> None:
    def effort(thinking: Thinking, **args: Any) -> str:
        text = gpt_oss.decode(gpt_oss.render(QUESTION, None, thinking, args))
        return text.partition("Reasoning: ")[2].partition("<")[0]

    assert [effort(Thinking.OFF), effort(Thinking.DEFAULT)] == ["low", "medium"]
    assert [effort(thinking, reasoning_effort="high") for thinking in (Thinking.OFF, Thinking.ON)] == ["high", "high"]


def test_thinking_preamble_call_and_answer_are_told_apart(gpt_oss: ChatFormat) -> None:
    text = (
        "<|channel|>analysis<|message|>Need f.<|end|>"
        "<|start|>assistant<|channel|>commentary<|message|>I call f.<|end|>"
        '<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>'
        "<|start|>functions.f to=assistant<|channel|>commentary<|message|>4<|end|>"
        "<|start|>assistant<|channel|>final<|message|>4.<|return|>"
    )
    assert texts(gpt_oss, text) == [
        (THINK, "Need f."),
        (ANSWER, "I call f."),
        (CALL, '=functions.f <|constrain|>json<|message|>{"a": 1}'),
        (RESULT, "4"),
        (ANSWER, "4."),
    ]


@pytest.mark.parametrize(
    "header",
    [
        "<|channel|>commentary to=functions.f <|constrain|>json",
        " to=functions.f<|channel|>commentary json",
        "<|channel|>analysis to=functions.f code",
    ],
)
def test_a_call_is_read_from_every_form_of_its_header(gpt_oss: ChatFormat, header: str) -> None:
    ((channel, text),) = texts(gpt_oss, f'{header}<|message|>{{"a": 1}}<|call|>')
    parser = gpt_oss.call_parser()
    assert channel is CALL
    assert parser.feed(text) == [CallDelta(0, name="f"), CallDelta(0, arguments='{"a": 1}')]
    assert parser.close() == ([], "")


def test_without_tools_a_recipient_is_no_call(gpt_oss: ChatFormat) -> None:
    assert texts(gpt_oss, "<|channel|>commentary to=python code<|message|>1+1<|call|>", tools=False) == [
        (ANSWER, "1+1")
    ]


def test_the_ends_of_messages_end_thinking_and_calls(gpt_oss: ChatFormat) -> None:
    def last(text: str) -> tuple[Channel, Channel]:
        tracker = gpt_oss.tracker(gpt_oss.encode(TURN), tools=True)
        *_, (_, channel, marker) = steps(tracker, gpt_oss.encode(text))
        assert marker
        return channel, tracker.channel

    assert last("<|channel|>analysis<|message|>a<|end|>") == (THINK, ANSWER)
    assert last("<|channel|>analysis<|message|>a<|start|>") == (THINK, ANSWER)
    assert last("<|channel|>analysis<|message|>a<|channel|>") == (THINK, ANSWER)
    assert last("<|channel|>commentary to=functions.f<|message|>{}<|call|>") == (CALL, ANSWER)
    assert last("<|channel|>final<|message|>a<|return|>") == (ANSWER, ANSWER)


def test_thinking_is_closed_by_a_new_message(gpt_oss: ChatFormat) -> None:
    closing = "Enough.<|end|><|start|>assistant<|channel|>final<|message|>"
    assert gpt_oss.decode(gpt_oss.close_thinking("Enough.")) == closing
    assert gpt_oss.decode(gpt_oss.think_open_ids) == "<|channel|>analysis<|message|>"
    assert closing == "Enough.<|end|>" + gpt_oss.decode(gpt_oss.answer_open_ids)
    seen = texts(gpt_oss, "<|channel|>analysis<|message|>a" + closing + "b")
    assert seen == [(THINK, "aEnough."), (ANSWER, "b")]


def test_a_forced_call_follows_thinking_and_an_open_final_message(gpt_oss: ChatFormat) -> None:
    forced = gpt_oss.forced_call(TOOLS)
    assert forced.schema["title"] == "F"
    for before in (
        "<|channel|>final<|message|>",
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>f",
    ):
        seen = texts(gpt_oss, before + forced.opening + "{}" + forced.closing)
        assert seen[-1] == (CALL, "=functions.f <|constrain|>json<|message|>{}")


def test_a_fork_in_a_header_goes_its_own_way(gpt_oss: ChatFormat) -> None:
    tracker = gpt_oss.tracker(gpt_oss.encode(TURN + "<|channel|>"))
    fork = tracker.fork()
    list(steps(tracker, gpt_oss.encode("analysis<|message|>")))
    list(steps(fork, gpt_oss.encode("final<|message|>")))
    assert (tracker.channel, fork.channel) == (THINK, ANSWER)


def call(name: str, id: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}}


def result(id: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": text}


def test_several_calls_of_one_message_become_one_message_each(gpt_oss: ChatFormat) -> None:
    asked = {"role": "assistant", "content": None, "reasoning": "why", "tool_calls": [call("f", "1"), call("g", "2")]}
    messages = [*QUESTION, asked, result("2", "two"), result("1", "one"), *QUESTION, asked, result("1", "uno")]
    text = gpt_oss.decode(gpt_oss.render(messages, TOOLS, Thinking.DEFAULT, {}))
    shown = [piece.partition("<")[0] for piece in text.split("<|start|>")[2:]]
    assert shown == [
        "user", "assistant to=functions.g", "functions.g to=assistant",
        "assistant", "assistant to=functions.f", "functions.f to=assistant",
        "user", "assistant", "assistant to=functions.f", "functions.f to=assistant", "assistant to=functions.g",
        "assistant",
    ]  # fmt: skip


def test_content_and_thinking_beside_a_call_are_joined(gpt_oss: ChatFormat) -> None:
    asked = {"role": "assistant", "content": "I call.", "reasoning": "Need f.", "tool_calls": [call("f", "1")]}
    text = gpt_oss.decode(gpt_oss.render([*QUESTION, asked, result("9", "4")], TOOLS, Thinking.DEFAULT, {}))
    assert "<|channel|>analysis<|message|>Need f.\n\nI call.<|end|><|start|>assistant to=functions.f" in text


def test_developer_is_a_role_of_its_own(gpt_oss: ChatFormat) -> None:
    messages = [{"role": "developer", "content": "Be brief."}, *QUESTION]
    assert "<|start|>developer<|message|>" in gpt_oss.decode(gpt_oss.render(messages, None, Thinking.DEFAULT, {}))


def test_what_the_template_refuses_is_a_request_error(gpt_oss: ChatFormat) -> None:
    with pytest.raises(RequestError, match="result without a call") as caught:
        gpt_oss.render([*QUESTION, result("1", "x")], None, Thinking.DEFAULT, {})
    assert caught.value.param == "messages"
