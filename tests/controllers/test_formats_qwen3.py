"""Qwen3 and pocket over the pocket's own tokenizer and template."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from flyball.controllers.formats import load_format
from flyball.core.chat_format import CallDelta, ChatFormat, Mark, Thinking
from flyball.core.errors import RequestError
from flyball.core.events import Channel
from flyball.training.pocket.tokenizer import save_tokenizer, train_tokenizer

THINK, ANSWER, CALL = Channel.THINK, Channel.ANSWER, Channel.CALL
QUESTION: list[dict[str, Any]] = [{"role": "user", "content": "2+2?"}]
TURN = "<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n"
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


@pytest.fixture(scope="module")
def qwen3(tmp_path_factory: pytest.TempPathFactory) -> ChatFormat:
    folder: Path = tmp_path_factory.mktemp("qwen3")
    save_tokenizer(train_tokenizer(["Wait, let me check. So the answer is 4.\n\nHmm."]), folder)
    return load_format("qwen3", str(folder))


def ids_of(qwen3: ChatFormat, text: str) -> list[int]:
    return qwen3.encode(text)


def channels(qwen3: ChatFormat, prompt: str, text: str, tools: bool = True) -> list[tuple[str, Channel, bool]]:
    """(token, channel, marker) of each token that follows the prompt."""
    tracker = qwen3.tracker(qwen3.encode(prompt), tools=tools)
    seen = []
    for token in qwen3.encode(text):
        special = token in tracker.special
        mark = tracker.see(token) if special else Mark(tracker.channel, False, tracker.channel)
        seen.append((qwen3.decode([token]), mark.channel, mark.marker))
        assert tracker.channel is mark.after
    return seen


def runs(seen: Sequence[tuple[str, Channel, bool]]) -> list[tuple[str, Channel, bool]]:
    """Neighbours of one kind joined."""
    joined: list[tuple[str, Channel, bool]] = []
    for text, channel, marker in seen:
        if joined and joined[-1][1:] == (channel, marker):
            text = joined.pop()[0] + text
        joined.append((text, channel, marker))
    return joined


@pytest.mark.parametrize(
    ("thinking", "end", "channel"),
    [
        (Thinking.DEFAULT, "", ANSWER),
        (Thinking.ON, "<think>\n", THINK),
        (Thinking.OFF, "<think>\n\n</think>\n\n", ANSWER),
        (Thinking.AUTO, "<think>", THINK),
    ],
)
def test_the_prompt_ends_where_the_thinking_mode_wants_it(
    qwen3: ChatFormat, thinking: Thinking, end: str, channel: Channel
) -> None:
    ids = qwen3.render(QUESTION, None, thinking, {})
    assert qwen3.decode(ids) == TURN + end
    assert ids == qwen3.encode(TURN + end)
    assert qwen3.tracker(ids).channel is channel


def test_the_thinking_mode_wins_over_the_clients_template_arguments(qwen3: ChatFormat) -> None:
    text = qwen3.decode(qwen3.render(QUESTION, None, Thinking.ON, {"enable_thinking": False}))
    assert text == TURN + "<think>\n"
    default = qwen3.decode(qwen3.render(QUESTION, None, Thinking.DEFAULT, {"enable_thinking": False}))
    assert default == TURN + "<think>\n\n</think>\n\n"


def test_an_empty_line_sampled_first_means_no_thinking(qwen3: ChatFormat) -> None:
    assert qwen3.decision is not None
    assert [qwen3.decode([token]) for token in qwen3.decision.no_think_ids] == ["\n\n"]
    assert qwen3.encode(qwen3.decision.prefix + "\n\n</think>")[1] in qwen3.decision.no_think_ids
    assert qwen3.encode(qwen3.decision.prefix + "\nOkay")[1] not in qwen3.decision.no_think_ids


def test_ids_and_words_come_from_the_family(qwen3: ChatFormat) -> None:
    assert qwen3.thinks and "Alternatively" in qwen3.reflection_words
    assert sorted(qwen3.decode([token]) for token in qwen3.eos_ids) == ["<|endoftext|>", "<|im_end|>"]
    assert qwen3.think_end_id is not None and qwen3.decode([qwen3.think_end_id]) == "</think>"
    assert qwen3.decode(qwen3.think_open_ids) == "<think>\n"
    assert qwen3.decode(qwen3.answer_open_ids) == "\n\n"


def test_thinking_is_closed_with_a_phrase(qwen3: ChatFormat) -> None:
    assert qwen3.decode(qwen3.close_thinking("\n\nTime is up.\n")) == "\n\nTime is up.\n</think>\n\n"
    assert qwen3.decode(qwen3.close_thinking("")) == "\n</think>\n\n"


def test_an_answer_goes_through_its_channels(qwen3: ChatFormat) -> None:
    text = '<think>\nHm\n</think>\n\nSo<tool_call>\n{"name": 1}\n</tool_call>4<|im_end|>'
    assert runs(channels(qwen3, TURN, text)) == [
        ("<think>", THINK, True),
        ("\nHm\n", THINK, False),
        ("</think>", THINK, True),
        ("\n\nSo", ANSWER, False),
        ("<tool_call>", CALL, True),
        ('\n{"name": 1}\n', CALL, False),
        ("</tool_call>", CALL, True),
        ("4", ANSWER, False),
        ("<|im_end|>", ANSWER, True),
    ]


def test_a_call_inside_of_thinking_returns_to_thinking(qwen3: ChatFormat) -> None:
    seen = channels(qwen3, TURN + "<think>\n", "a<tool_call>{}</tool_call>b</think>c")
    assert [channel for _, channel, marker in runs(seen) if not marker] == [THINK, CALL, THINK, ANSWER]


def test_the_end_of_thinking_also_ends_a_call_that_was_only_mentioned(qwen3: ChatFormat) -> None:
    seen = channels(qwen3, TURN + "<think>\n", "use <tool_call> now</think>c")
    assert [channel for _, channel, marker in runs(seen) if not marker] == [THINK, CALL, ANSWER]
    assert ("</think>", THINK, True) in seen


def test_markers_out_of_place_are_hidden_and_change_nothing(qwen3: ChatFormat) -> None:
    assert runs(channels(qwen3, TURN, "a</think>b</tool_call>c"))[0::2] == [
        ("a", ANSWER, False),
        ("b", ANSWER, False),
        ("c", ANSWER, False),
    ]
    assert channels(qwen3, TURN + "<think>\n", "<think>") == [("<think>", THINK, True)]
    assert channels(qwen3, TURN + "<tool_call>\n", "<think>") == [("<think>", CALL, False)]


def test_without_tools_a_calls_markers_are_answer_text(qwen3: ChatFormat) -> None:
    assert runs(channels(qwen3, TURN, "a<tool_call>{}</tool_call>", tools=False)) == [
        ("a<tool_call>{}</tool_call>", ANSWER, False)
    ]


def test_the_end_of_the_turn_belongs_to_the_channel_it_comes_in(qwen3: ChatFormat) -> None:
    for prompt, channel in ((TURN + "<think>\n", THINK), (TURN, ANSWER), (TURN + "<tool_call>\n", CALL)):
        assert channels(qwen3, prompt, "<|im_end|>") == [("<|im_end|>", channel, True)]


def test_the_tracker_reads_only_the_last_turn_of_the_prompt(qwen3: ChatFormat) -> None:
    earlier = "<|im_start|>user\nsay <think> and <tool_call><|im_end|>\n"
    assert qwen3.tracker(ids_of(qwen3, earlier + TURN), tools=True).channel is ANSWER
    assert qwen3.tracker(ids_of(qwen3, earlier + TURN + "<think>\nhm"), tools=True).channel is THINK
    assert qwen3.tracker(ids_of(qwen3, TURN + "<think>\nhm\n</think>\n\n"), tools=True).channel is ANSWER


def test_a_forked_tracker_goes_its_own_way(qwen3: ChatFormat) -> None:
    tracker = qwen3.tracker(ids_of(qwen3, TURN + "<think>\n"))
    fork = tracker.fork()
    assert qwen3.think_end_id is not None
    tracker.see(qwen3.think_end_id)
    assert (tracker.channel, fork.channel, fork.special) == (ANSWER, THINK, tracker.special)


def test_old_calls_are_rendered_as_objects_and_old_thinking_is_left_out(qwen3: ChatFormat) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":"é"}'}}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": None, "reasoning": "secret", "tool_calls": [call]},
        {
            "role": "tool",
            "tool_call_id": "c",
            "content": [{"type": "text", "text": "re"}, {"type": "text", "text": "d"}],
        },
        {"role": "assistant", "content": "<think>\nsecret\n</think>\n\nDone."},
        *QUESTION,
    ]
    text = qwen3.decode(qwen3.render(messages, TOOLS, Thinking.DEFAULT, {}))
    assert "secret" not in text and "Done." in text
    assert "<tool_response>\nred\n</tool_response>" in text
    assert '<tool_call>\n{"name": "f", "arguments": {"a": "é"}}\n</tool_call>' in text


def test_thinking_of_the_running_turn_is_kept_where_the_template_keeps_it(qwen3: ChatFormat) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    for assistant in ({"reasoning_content": "mine", "content": "x"}, {"content": "<think>\nmine\n</think>\n\nx"}):
        messages = [*QUESTION, {"role": "assistant", "tool_calls": [call], **assistant}]
        messages.append({"role": "tool", "tool_call_id": "c", "content": "4"})
        text = qwen3.decode(qwen3.render(messages, TOOLS, Thinking.DEFAULT, {}))
        assert "<think>\nmine\n</think>\n\nx" in text


def test_developer_messages_are_system_messages(qwen3: ChatFormat) -> None:
    messages = [{"role": "developer", "content": "Be brief."}, *QUESTION]
    assert qwen3.decode(qwen3.render(messages, None, Thinking.DEFAULT, {})).startswith("<|im_start|>system\nBe brief.")


@pytest.mark.parametrize("reserved", ["tokenize", "chat_template", "messages", "conversation", "tools"])
def test_the_client_cannot_take_over_the_template_call(qwen3: ChatFormat, reserved: str) -> None:
    with pytest.raises(RequestError) as caught:
        qwen3.render(QUESTION, None, Thinking.DEFAULT, {reserved: "x"})
    assert caught.value.param == "chat_template_kwargs"


def test_content_that_is_no_text_is_refused_by_its_place(qwen3: ChatFormat) -> None:
    image = {"type": "image_url", "image_url": {"url": "http://x"}}
    for content in ([image], 3, [{"type": "text"}], [3]):
        with pytest.raises(RequestError) as caught:
            qwen3.render([*QUESTION, {"role": "user", "content": content}], None, Thinking.DEFAULT, {})
        assert caught.value.param == "messages.1.content"


def test_a_call_is_streamed_through_text_and_parser(qwen3: ChatFormat) -> None:
    stream, parser = qwen3.text_stream(), qwen3.call_parser()
    deltas: list[CallDelta] = []
    for token in qwen3.encode('\n{"name": "f", "arguments": {"a": "é\\n"}}\n'):
        deltas += parser.feed(stream.feed([token]))
    assert parser.close() == ([], "")
    assert deltas[0] == CallDelta(0, name="f")
    assert "".join(delta.arguments for delta in deltas) == '{"a": "é\\n"}'


def test_a_forced_call_is_hermes_around_a_schema(qwen3: ChatFormat) -> None:
    forced = qwen3.forced_call(TOOLS)
    assert (forced.opening, forced.closing) == ("<tool_call>\n", "\n</tool_call>")
    assert forced.schema == {
        "type": "object",
        "properties": {"name": {"const": "f"}, "arguments": {"type": "object"}},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
