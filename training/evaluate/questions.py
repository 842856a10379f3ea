"""Questions with known answers, one JSON object to a line."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from ...core.errors import ConfigError


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a function is tested by.

    Example: {"entry_point": "add", "tests": ["assert add(1, 2) == 3"]}
    """

    entry_point: str
    """The function's name; the tests may also call it `candidate`."""
    tests: list[str]
    """Python source that raises when the function is wrong; each is a test of its own."""
    prelude: str = ""
    """Python source before the code and before the tests: imports, helpers, the head that the code completes."""


class Question(msgspec.Struct, frozen=True):
    """Example: {"id": "gsm8k-7", "question": "What is 2 + 2?", "answer": "4", "difficulty": "easy"}."""

    id: str
    question: str
    """Sent as the user's message as it stands."""
    answer: str
    difficulty: str | None = None
    """Accuracy is reported for each of these; a number in the file becomes text."""
    grader: str | None = None
    """Used unless the run names another."""
    choices: list[str] = []
    """The options of a multiple choice, from A on; the answer is a letter or one of them."""
    code: Code | None = None
    """For the grader unit_tests."""


class QuestionSet(NamedTuple):
    """The questions of a run; `sha256` is that of the whole file, `questions` perhaps only its first ones."""

    name: str
    sha256: str
    questions: list[Question]
    reader: str = "flyball"


def load_questions(path: Path, limit: int | None = None, reader: str | None = None, seed: int = 0) -> QuestionSet:
    """The questions of a JSONL file, the first `limit` of them.

    `reader` is a name of `readers`, None finds it out from the first line's fields; `seed` shuffles options where a form
    gives them in a fixed order. Errors: ConfigError with line and fields, for one that does not fit or repeats an id,
    and for a file without questions.
    """
    from .readers import detect, load_reader  # they make questions

    content = path.read_bytes()
    read = None if reader is None else load_reader(reader)
    questions: dict[str, Question] = {}
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = msgspec.json.decode(line, type=dict[str, object])
            if read is None:
                reader = detect(record)
                read = load_reader(reader)
            question = read(record, number, seed)
        except (msgspec.DecodeError, UnicodeDecodeError, ConfigError) as error:
            raise ConfigError(f"{path.name}, line {number}: {error}") from error
        if question.id in questions:
            raise ConfigError(f"{path.name}, line {number}: the id {question.id!r} is there already")
        questions[question.id] = question
    if not questions or reader is None:
        raise ConfigError(f"{path.name} holds no questions")
    return QuestionSet(path.name, hashlib.sha256(content).hexdigest(), list(questions.values())[:limit], reader)
