"""Call parsers: the same calls whatever the pieces, and arguments exactly as they were written."""

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.controllers.formats.gpt_oss import HarmonyCallParser
from flyball.controllers.formats.hermes import HermesCallParser
from flyball.controllers.formats.mistral import MistralCallParser
from flyball.controllers.formats.named import NamedCallParser
from flyball.core.chat_format import CallDelta, CallParser

CUTS = st.lists(st.integers(0, 500), max_size=8)
OBJECTS = st.dictionaries(
    st.text(max_size=6),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=8) | st.sampled_from(['}"', "\\", "</tool_call>", "😀"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=5,
    ),
    max_size=4,
)
NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_-]{0,12}", fullmatch=True)


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    places = sorted({cut % len(text) for cut in cuts} - {0}) if text else []
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


def folded(deltas: Iterable[CallDelta]) -> list[tuple[str, str]]:
    """(name, arguments) of each call; checks that indices and names come as a client wants them."""
    calls: list[tuple[str, str]] = []
    for delta in deltas:
        if delta.name is not None:
            assert delta.index == len(calls)
            calls.append((delta.name, ""))
        assert delta.index == len(calls) - 1
        calls[delta.index] = (calls[delta.index][0], calls[delta.index][1] + delta.arguments)
    return calls


def read(parser: CallParser, *channels: Iterable[str]) -> tuple[list[tuple[str, str]], str]:
    """The calls of an answer's call channels, given in pieces, and the raw text that was no call."""
    deltas: list[CallDelta] = []
    raw = ""
    for channel in channels:
        for piece in channel:
            deltas += parser.feed(piece)
        last, left = parser.close()
        deltas += last
        raw += left
    calls = folded(deltas)
    assert parser.count == len(calls)
    return calls, raw


@given(NAMES, OBJECTS, CUTS, st.booleans(), st.sampled_from([None, 2]))
def test_hermes_arguments_are_the_raw_text_in_any_pieces(
    name: str, arguments: dict[str, Any], cuts: list[int], ascii: bool, indent: int | None
) -> None:
    raw = json.dumps(arguments, ensure_ascii=ascii, indent=indent)
    text = f'\n{{"name": "{name}", "arguments": {raw}}}\n'
    assert read(HermesCallParser(), pieces_of(text, cuts)) == ([(name, raw)], "")


@given(OBJECTS, CUTS, st.permutations(["name", "arguments", "id", "note"]))
def test_hermes_keys_come_in_any_order(arguments: dict[str, Any], cuts: list[int], order: list[str]) -> None:
    values = {"name": "f", "arguments": arguments, "id": 7, "note": {"name": "g", "arguments": [1, "}"]}}
    text = json.dumps({key: values[key] for key in order})
    assert read(HermesCallParser(), pieces_of(text, cuts)) == ([("f", json.dumps(arguments))], "")


@given(OBJECTS, CUTS)
def test_hermes_arguments_in_a_string_are_unquoted(arguments: dict[str, Any], cuts: list[int]) -> None:
    text = json.dumps({"name": "f", "arguments": json.dumps(arguments)})
    ((call,), raw) = read(HermesCallParser(), pieces_of(text, cuts))
    assert (call[0], json.loads(call[1]), raw) == ("f", arguments, "")


def test_the_name_comes_before_the_arguments_are_there() -> None:
    parser = HermesCallParser()
    assert parser.feed('\n{"name": "get') == []
    assert parser.feed('_time", "argu') == [CallDelta(0, name="get_time")]
    assert parser.feed('ments": {"zone') == [CallDelta(0, arguments='{"zone')]
    assert parser.feed('": 1}') == [CallDelta(0, arguments='": 1}')]
    assert parser.feed("}\n") == []


@pytest.mark.parametrize("value", ['"parameters": {"a": 1}', '"arguments": {"a": 1}, "parameters": {"b": 2}'])
def test_parameters_stand_for_arguments_and_the_first_of_both_counts(value: str) -> None:
    assert read(HermesCallParser(), [f'{{"name": "f", {value}}}']) == ([("f", '{"a": 1}')], "")


@pytest.mark.parametrize("value", ["", ', "arguments": null', ', "arguments": {}', ', "arguments": ""'])
def test_a_whole_call_without_arguments_has_an_empty_object(value: str) -> None:
    assert read(HermesCallParser(), [f'{{"name": "now"{value}}}']) == ([("now", "{}")], "")


def test_calls_count_up_over_channels_and_inside_of_one() -> None:
    channels = [['{"name": "a", "arguments": {}}'], ['{"name": "b", "arguments": [1]}; {"name": "c", "arguments": 2}']]
    assert read(HermesCallParser(), *channels) == ([("a", "{}"), ("b", "[1]"), ("c", "2")], "")


@pytest.mark.parametrize(
    "text", ["\nno call\n", '{"arguments": {"a": 1}}', "{name: f}", '{"name": }', '{"name": 3}', '{"name" "f"}']
)
def test_text_that_shows_no_name_comes_back_raw(text: str) -> None:
    assert read(HermesCallParser(), list(text)) == ([], text)


def test_an_empty_channel_is_nothing() -> None:
    assert read(HermesCallParser(), ["\n", "\n"]) == ([], "")


def test_a_call_that_is_cut_keeps_what_was_there() -> None:
    assert read(HermesCallParser(), ['{"name": "f", "arguments": {"a": [1, ']) == ([("f", '{"a": [1, ')], "")


def test_json_with_a_name_is_a_call_only_with_arguments_where_answers_may_be_json() -> None:
    person = '{"name": "Alice", "age": 3}'
    assert read(HermesCallParser(needs_arguments=True), list(person)) == ([], person)
    call = '{"type": "function", "name": "f", "parameters": {"a": 1}}'
    assert read(HermesCallParser(needs_arguments=True), list(call)) == ([("f", '{"a": 1}')], "")


@given(NAMES, OBJECTS, CUTS, st.sampled_from(["[ARGS]", "", "[CALL_ID]a1B2c3D4e[ARGS]"]))
def test_mistral_names_stand_before_their_arguments(
    name: str, arguments: dict[str, Any], cuts: list[int], between: str
) -> None:
    raw = json.dumps(arguments)
    assert read(MistralCallParser(), pieces_of(f"{name}{between}{raw}", cuts)) == ([(name, raw)], "")


@given(st.lists(st.tuples(NAMES, OBJECTS), min_size=1, max_size=3), CUTS)
def test_older_mistral_lists_several_calls(calls: list[tuple[str, dict[str, Any]]], cuts: list[int]) -> None:
    text = " " + json.dumps([{"name": name, "arguments": arguments} for name, arguments in calls])
    expected = [(name, json.dumps(arguments)) for name, arguments in calls]
    assert read(MistralCallParser(), pieces_of(text, cuts)) == (expected, "")


def test_mistral_calls_in_a_row_count_up_with_and_without_an_end_between() -> None:
    expected = ([("a", '{"x": 1}'), ("b", "{}"), ("c", "{}")], "")
    assert read(MistralCallParser(), ['a[ARGS]{"x": 1}b[ARGS]{}', "c[ARGS]{}"]) == expected
    assert read(MistralCallParser(), ['a[ARGS]{"x": 1}'], ["b[ARGS]{}"], ['[{"name":"c","arguments":{}}]']) == expected


def test_a_header_without_a_name_comes_back_raw() -> None:
    assert read(NamedCallParser(re.compile(r"<(\w+)>")), ["f", '{"a": 1}']) == ([], 'f{"a": 1}')


@given(NAMES, OBJECTS, CUTS)
def test_harmony_headers_name_the_tool(name: str, arguments: dict[str, Any], cuts: list[int]) -> None:
    raw = json.dumps(arguments)
    for header in (f"to=functions.{name} <|constrain|>json", f"=functions.{name}<|channel|>commentary json"):
        text = f"{header}<|message|>{raw}"
        assert read(HarmonyCallParser(), pieces_of(text, cuts)) == ([(name, raw)], "")


def test_a_harmony_call_without_a_body_has_no_arguments_and_a_cut_header_is_nothing() -> None:
    assert read(HarmonyCallParser(), ["to=functions.now<|message|>"], ["to=functions.f <|con"]) == ([("now", "{}")], "")
