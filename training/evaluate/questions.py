"""Questions with known answers, one JSON object to a line."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from ...core.errors import ConfigError


class Question(msgspec.Struct, frozen=True):
    """Example: {"id": "gsm8k-7", "question": "What is 2 + 2?", "answer": "4", "difficulty": "easy"}."""

    id: str
    question: str
    """Sent as the user's message as it stands."""
    answer: str
    difficulty: str | None = None
    """Accuracy is reported for each of these; a number in the file becomes text."""
    grader: str | None = None
    """None: the run's grader."""


class QuestionSet(NamedTuple):
    """The questions of a run; `sha256` is that of the whole file, `questions` perhaps only its first ones."""

    name: str
    sha256: str
    questions: list[Question]


def load_questions(path: Path, limit: int | None = None) -> QuestionSet:
    """The questions of a JSONL file, the first `limit` of them.

    Errors: ConfigError with the line, for one that is no question or repeats an id, and for a file without questions.
    """
    content = path.read_bytes()
    questions: dict[str, Question] = {}
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            question = _question(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path.name}, line {number}: {error}") from error
        if question.id in questions:
            raise ConfigError(f"{path.name}, line {number}: the id {question.id!r} is there already")
        questions[question.id] = question
    if not questions:
        raise ConfigError(f"{path.name} holds no questions")
    return QuestionSet(path.name, hashlib.sha256(content).hexdigest(), list(questions.values())[:limit])


def _question(line: bytes) -> Question:
    value = msgspec.json.decode(line)
    if isinstance(value, dict):
        numbers = {
            name: str(value[name]) for name in ("id", "answer", "difficulty") if type(value.get(name)) in (int, float)
        }
        value |= numbers
    return msgspec.convert(value, Question)
