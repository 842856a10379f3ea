"""Our own form: the fields of a question, sent as it stands; without an id, the line's number is one."""

from __future__ import annotations

import msgspec

from ....core.errors import ConfigError
from ..questions import Question
from .fields import Record


def fits(record: Record) -> bool:
    """Whether it has a question and an answer."""
    return {"question", "answer"} <= record.keys()


def read(record: Record, number: int, seed: int) -> Question:
    """The question."""
    numbers = {
        name: str(record[name]) for name in ("id", "answer", "difficulty") if type(record.get(name)) in (int, float)
    }
    try:
        return msgspec.convert({"id": f"line {number}"} | dict(record) | numbers, Question)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{error}; its fields: {', '.join(record) or '(none)'}") from error
