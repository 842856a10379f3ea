"""JSON in pieces."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.controllers.formats.json_value import JsonValue, StringText, unquoted

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    """The text cut at these places, modulo its length."""
    places = sorted({cut % len(text) for cut in cuts} - {0}) if text else []
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


CUTS = st.lists(st.integers(0, 500), max_size=8)


@given(VALUES, CUTS, st.booleans(), st.sampled_from([",", "}", " ", "\n]"]))
def test_the_end_of_a_value_is_found_whatever_the_pieces(value: Any, cuts: list[int], ascii: bool, after: str) -> None:
    text = json.dumps(value, ensure_ascii=ascii)
    scanner, taken = JsonValue(), ""
    for piece in pieces_of(text + after + "tail", cuts):
        end = scanner.end(piece)
        taken += piece[:end]
        if end is not None:
            break
    assert taken == text


@given(st.text(), CUTS, st.booleans())
def test_a_strings_text_is_the_same_in_pieces(text: str, cuts: list[int], ascii: bool) -> None:
    raw = json.dumps(text, ensure_ascii=ascii)[1:-1]
    stream = StringText()
    assert "".join(stream.feed(piece) for piece in pieces_of(raw, cuts)) == text


def test_half_an_escape_is_held_back() -> None:
    stream = StringText()
    assert [stream.feed(piece) for piece in ("a\\", "nb\\u00", "e9\\ud83d", "\\ude0", "0c")] == [
        "a",
        "\nb",
        "é",
        "",
        "😀c",
    ]


@pytest.mark.parametrize(("raw", "text"), [("\\ud83d-", "�-"), ("\\q", "\\q"), ("line\nbreak", "line\nbreak")])
def test_broken_strings_have_a_text_too(raw: str, text: str) -> None:
    assert unquoted(raw) == text
