"""Sections become passages of a bounded length, at the best seam there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.tools.search.splitting import split


@pytest.mark.parametrize(
    ("text", "passages"),
    [
        ("fits", ["fits"]),
        (" as it\n\nstands ", [" as it\n\nstands "]),
        ("", []),
        (" \n ", []),
        ("One. Two.\n\nThree. Four.\n\nFive.", ["One. Two.", "Three. Four.\n\nFive."]),
        ("line one\nline two\nline three", ["line one\nline two", "line three"]),
        ("One one one. Two two two. Three.", ["One one one.", "Two two two. Three."]),
        ("four five six seven eight nine ten", ["four five six seven", "eight nine ten"]),
        ("x" * 45, ["x" * 20, "x" * 20, "x" * 5]),
        ("short\n\n" + "y" * 25 + "\n\nend", ["short", "y" * 20, "y" * 5, "end"]),
    ],
)
def test_a_text_is_split_at_the_best_seam_into_the_longest_passages(text: str, passages: list[str]) -> None:
    assert split(text, 20) == passages


@given(st.text(alphabet="ab. \n", max_size=300), st.integers(min_value=1, max_value=40))
def test_no_passage_is_too_long_or_empty_and_no_word_is_lost(text: str, most: int) -> None:
    passages = split(text, most)

    assert all(passage.strip() and len(passage) <= most for passage in passages)
    assert "".join("".join(passages).split()) == "".join(text.split())
