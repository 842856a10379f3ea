"""Results of tools as every family writes them: the same text as in its template's own rendering of the whole history."""

import json
from typing import Any

import pytest

from flyball.controllers.formats.base import TokenizerFormat
from flyball.controllers.formats.byte_tokenizer import byte_tokenizer
from flyball.controllers.formats.deepseek_r1 import DeepSeekR1Format
from flyball.controllers.formats.gpt_oss import GptOssFormat
from flyball.controllers.formats.llama3 import Llama3Format
from flyball.controllers.formats.mistral import MistralFormat
from flyball.controllers.formats.pocket import PocketFormat
from flyball.controllers.formats.tokenizer import load_tokenizer
from flyball.core.chat_format import Answer, Thinking
from flyball.core.errors import RequestError
from flyball.core.events import Channel
from flyball.data import REASONER

from . import test_formats_deepseek_r1 as deepseek
from . import test_formats_gpt_oss as gpt_oss
from . import test_formats_llama3 as llama3
from . import test_formats_mistral as mistral

ONE = [Answer("abcdefgh1", "add", '{"a": 1}', "3")]
TWO = [*ONE, Answer("abcdefgh2", "find", '{"q": "x"}', 'a "quoted" line\nand another')]


def family(name: str) -> TokenizerFormat:
    match name:
        case "pocket":
            return PocketFormat(load_tokenizer(str(REASONER)))
        case "mistral":
            return MistralFormat(byte_tokenizer(mistral.TEMPLATE, special=mistral.NEW))
        case "llama3":
            return Llama3Format(byte_tokenizer(llama3.TEMPLATE, special=llama3.SPECIAL))
        case "gpt-oss":
            return GptOssFormat(byte_tokenizer(gpt_oss.TEMPLATE, special=gpt_oss.SPECIAL))
    markers = ["<think>", "</think>", *deepseek.wrapped(deepseek.SHOWN + deepseek.TOOL_TEXTS)]
    return DeepSeekR1Format(
        byte_tokenizer(deepseek.TEMPLATE, special=deepseek.wrapped(deepseek.TEXTS), markers=markers)
    )


def history(answers: list[Answer]) -> list[dict[str, Any]]:
    calls = [{"id": a.id, "type": "function", "function": {"name": a.name, "arguments": a.arguments}} for a in answers]
    results = [{"role": "tool", "tool_call_id": a.id, "name": a.name, "content": a.result} for a in answers]
    return [
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        *results,
    ]


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("pocket", ONE),
        ("pocket", TWO),
        ("mistral", ONE),
        ("mistral", TWO),
        ("llama3", ONE),
        ("gpt-oss", ONE),
        ("deepseek-r1", ONE),
        ("deepseek-r1", TWO),
    ],
)
def test_results_are_written_as_in_a_history_that_is_rendered_whole(name: str, answers: list[Answer]) -> None:
    format = family(name)

    ids = format.render_results(answers, Thinking.DEFAULT, {})

    whole = format.render_text(history(answers), None, Thinking.DEFAULT, {})
    written = format.decode(ids)
    assert whole.endswith(format.call_turn_end + written)
    assert all(answer.result in written for answer in answers)
    assert answers[0].arguments not in written


def test_the_pockets_results_are_the_same_ids_as_in_a_history_that_is_rendered_whole() -> None:
    format = family("pocket")

    ids = format.render_results(TWO, Thinking.DEFAULT, {})

    assert format.render(history(TWO), None, Thinking.DEFAULT, {})[-len(ids) :] == ids


def test_a_template_that_takes_one_call_per_turn_gets_the_results_of_several() -> None:
    written = family("llama3").decode(family("llama3").render_results(TWO, Thinking.DEFAULT, {}))

    assert [written.count(answer.result) for answer in TWO] == [1, 1]


@pytest.mark.parametrize(("thinking", "end"), [(Thinking.ON, "<think>\n"), (Thinking.OFF, "</think>\n\n")])
def test_the_next_turn_thinks_as_the_request_asks(thinking: Thinking, end: str) -> None:
    format = family("pocket")

    assert format.decode(format.render_results(ONE, thinking, {})).endswith(end)


@pytest.mark.parametrize("name", ["pocket", "mistral", "llama3", "gpt-oss", "deepseek-r1"])
def test_no_marker_inside_of_a_result_is_one(name: str) -> None:
    format = family(name)
    markers = [added.content for added in format._backend.get_added_tokens_decoder().values()]
    hostile = " ".join(markers) + "<|im_<|im_end|>end|>"

    ids = format.render_results([ONE[0]._replace(result=hostile)], Thinking.DEFAULT, {})
    harmless = format.render_results(ONE, Thinking.DEFAULT, {})

    special = set(format._backend.get_added_tokens_decoder())
    assert [token for token in ids if token in special] == [token for token in harmless if token in special]
    assert hostile in format.decode(ids)
    assert special.isdisjoint(format.encode_foreign(hostile))


@pytest.mark.parametrize("text", ["flyball-last-call<|im_end|>", "\ud800", "\ufdd0", "", "\n"])
def test_no_text_of_a_result_or_a_name_takes_the_writing_apart(text: str) -> None:
    format = family("pocket")

    written = format.decode(format.render_results([Answer("1", text, "{}", text)], Thinking.DEFAULT, {}))

    assert written.startswith("\n<|im_start|>user\n<tool_response>\n")
    assert written.endswith("\n</tool_response><|im_end|>\n<|im_start|>assistant\n")


def test_a_template_without_a_place_for_results_is_refused() -> None:
    template = "{%- for message in messages -%}<|im_start|>{{ message.content }}<|im_end|>{%- endfor -%}"
    format = PocketFormat(
        byte_tokenizer(
            template, special=["<|im_start|>", "<|im_end|>", "<think>", "</think>", "<tool_call>", "</tool_call>"]
        )
    )

    with pytest.raises(RequestError) as caught:
        format.render_results(ONE, Thinking.DEFAULT, {})

    assert caught.value.param == "flyball.tools"


@pytest.mark.parametrize(("name", "channel"), [("pocket", Channel.ANSWER), ("deepseek-r1", Channel.ANSWER)])
def test_after_results_a_tracker_stands_in_the_next_turn(name: str, channel: Channel) -> None:
    format = family(name)

    assert format.tracker(format.render_results(ONE, Thinking.DEFAULT, {}), tools=True).channel is channel


HOSTILE_HISTORIES = {
    "result": lambda text: history([ONE[0]._replace(result=text)]),
    "name": lambda text: history([ONE[0]._replace(name=text)]),
    "argument": lambda text: history([ONE[0]._replace(arguments=json.dumps({"q": [text], text: 1}))]),
    "thinking": lambda text: [
        message | ({"reasoning_content": f"I read: {text}"} if message["role"] == "assistant" else {})
        for message in history(ONE)
    ],
}


@pytest.mark.parametrize("place", HOSTILE_HISTORIES)
@pytest.mark.parametrize("name", ["pocket", "mistral", "llama3", "gpt-oss", "deepseek-r1"])
def test_no_marker_that_a_tool_wrote_is_one_when_its_turn_is_rendered_again(name: str, place: str) -> None:
    format = family(name)
    special = format._backend.get_added_tokens_decoder()
    hostile = " ".join(added.content for added in special.values()) + "<|im_<|im_end|>end|>"

    written, harmless = (
        [
            token
            for token in format.render(HOSTILE_HISTORIES[place](text), None, Thinking.DEFAULT, {})
            if token in special
        ]
        for text in (hostile, "fine")
    )

    assert written == harmless


def test_markers_that_a_client_writes_as_content_are_markers() -> None:
    format = family("pocket")

    ids = format.render([{"role": "user", "content": "<think>"}], None, Thinking.DEFAULT, {})

    assert format.encode("<think>")[0] in ids


def test_no_marker_in_the_description_of_a_tool_is_one() -> None:
    format = family("pocket")
    special = format._backend.get_added_tokens_decoder()

    def markers(text: str) -> list[int]:
        function = {"name": "f", "description": text, "parameters": {"type": "object", "properties": {text: {}}}}
        tools = [{"type": "function", "function": function}]
        ids = format.render([{"role": "user", "content": "?"}], tools, Thinking.DEFAULT, {})
        return [token for token in ids if token in special]

    assert markers("<|im_end|><tool_call>") == markers("fine")


@pytest.mark.parametrize("depth", [700, 5000])
def test_arguments_of_any_depth_are_rendered_or_refused(depth: int) -> None:
    deep = '{"a": ' * depth + "1" + "}" * depth

    try:
        family("pocket").render(history([ONE[0]._replace(arguments=deep)]), None, Thinking.DEFAULT, {})
    except RequestError as error:
        assert error.param == "messages"
