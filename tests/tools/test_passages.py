"""Passages: what is read, what is refused, and what a model is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyball.core.errors import ConfigError
from flyball.tools.passages import Passage, format_passages, load_passages


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_passages_are_read_line_by_line_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Blank lines and unknown fields are nothing; a character that ends a line elsewhere does not end one here."""
    path = write(
        tmp_path / "corpus.jsonl",
        '{"id": "b", "title": "Zürn", "text": "One\u2028line.", "source": "x"}\n\n{"id": "a", "title": "", "text": "y"}',
    )

    found = load_passages(path)
    assert found == [Passage("b", "Zürn", "One\u2028line."), Passage("a", "", "y")]


GOOD = '{"id": "a", "title": "x", "text": "y"}\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"{GOOD}nonsense\n", r"corpus.jsonl, line 2: .*malformed"),
        (f"{GOOD}\n" + '{"id": "b", "title": "x"}\n', r"line 3: .*`text`"),
        ('{"id": 7, "title": "x", "text": "y"}\n', r"line 1: .*`\$.id`"),
        ('["a", "x", "y"]\n', "line 1: .*object"),
        (GOOD + GOOD, "line 2: the id 'a' is there already"),
        ("\n", "holds no passages"),
    ],
)
def test_a_file_that_is_no_corpus_is_refused_with_the_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load_passages(write(tmp_path / "corpus.jsonl", text))


def test_a_line_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(GOOD.encode() + b'{"id": "b", "title": "\xff", "text": "y"}\n')

    with pytest.raises(ConfigError, match="line 2"):
        load_passages(path)


def test_a_model_reads_numbered_passages_one_to_a_line() -> None:
    passages = [Passage("p7", "Mira Tarn", "She was born in Ostrel."), Passage("p2", "Ostrel", "It lies by the sea.")]

    shown = format_passages(passages)
    assert shown == "[1] Mira Tarn: She was born in Ostrel.\n[2] Ostrel: It lies by the sea."


def test_a_model_is_told_when_nothing_was_found() -> None:
    assert format_passages([]) == "No passage found."
