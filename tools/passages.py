"""Passages: the short texts that a search tool looks up, how they are read and how a model is shown them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..core.errors import ConfigError


@dataclass(frozen=True)
class Passage:
    """Example, as a line of a file: {"id": "p7", "title": "Mira Tarn", "text": "Mira Tarn was born in Ostrel."}."""

    id: str
    title: str
    text: str


def load_passages(path: Path) -> list[Passage]:
    """The passages of a JSONL file, in its order; blank lines and unknown fields are nothing.

    Errors: ConfigError with the line, for one that is no passage or repeats an id, and for a file without passages.
    """
    passages: dict[str, Passage] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            passage = msgspec.json.decode(line, type=Passage)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path.name}, line {number}: {error}") from error
        if passage.id in passages:
            raise ConfigError(f"{path.name}, line {number}: the id {passage.id!r} is there already")
        passages[passage.id] = passage
    if not passages:
        raise ConfigError(f"{path.name} holds no passages")
    return list(passages.values())


def format_passages(passages: Sequence[Passage]) -> str:
    """What a model reads as a search's result.

    Example: one passage gives "[1] Mira Tarn: Mira Tarn was born in Ostrel."; none give "No passage found.".
    """
    lines = (f"[{number}] {passage.title}: {passage.text}" for number, passage in enumerate(passages, 1))
    return "\n".join(lines) or "No passage found."
