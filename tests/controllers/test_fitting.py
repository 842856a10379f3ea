"""Texts cut until they fit."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from flyball.controllers.fitting import fitted


class Words:
    """One id a word; counts how much it was given to write."""

    def __init__(self) -> None:
        self.times = self.characters = 0

    def __call__(self, texts: Sequence[str]) -> list[int]:
        self.times += 1
        self.characters += sum(map(len, texts))
        return [0] * sum(len(text.split()) for text in texts)


def words(number: int) -> str:
    return "word " * number


def test_what_fits_is_written_as_it_is() -> None:
    texts = [words(10), "", words(30)]

    assert fitted(Words(), texts, 40) == (texts, [0] * 40)


def test_the_longest_are_cut_to_one_length_and_the_others_are_whole() -> None:
    found = fitted(Words(), [words(400), words(20), words(300)], 300)

    assert found is not None
    (first, second, third), ids = found
    assert len(ids) <= 300
    assert second == words(20)
    assert "characters cut out" in first and "characters cut out" in third
    assert [len(part) for part in first.splitlines()[::2]] == [len(part) for part in third.splitlines()[::2]]


@pytest.mark.parametrize(("texts", "room"), [(1, 0), (1, -5), (50, 100)])
def test_of_too_many_texts_nothing_is_written(texts: int, room: int) -> None:
    assert fitted(Words(), [words(100)] * texts, room) is None


def test_many_long_texts_are_not_tokenised_again_and_again() -> None:
    write = Words()

    assert fitted(write, [words(3200)] * 150, 4000) is not None

    assert write.times < 10
    assert write.characters < 200_000
