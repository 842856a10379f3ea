"""Fields of a record, and what the forms have in common."""

from __future__ import annotations

from collections.abc import Mapping

from ....core.errors import ConfigError

Record = Mapping[str, object]

BOX = "Put your final answer within \\boxed{}."
"""Asked for where the form's question alone asks for no form of answer."""


def text(record: Record, *names: str) -> str:
    """The first of these fields that is there, a number as text. Errors: ConfigError, which names the fields.

    Example: text({"answer": 204}, "answer", "Answer") == "204"
    """
    if (found := optional(record, *names)) is None:
        raise ConfigError(f"there is no field {' or '.join(map(repr, names))} with text; its fields: {_shown(record)}")
    return found


def optional(record: Record, *names: str) -> str | None:
    """The same, None where there is none."""
    for name in names:
        value = record.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return None


def texts(record: Record, name: str) -> list[str]:
    """A list of texts that is not empty. Errors: ConfigError."""
    value = record.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(part, str) for part in value):
        raise ConfigError(f"the field {name!r} is no list of texts; its fields: {_shown(record)}")
    return value


def boxed(problem: str) -> str:
    """A problem, with the line that asks for a boxed answer."""
    return f"{problem.strip()}\n\n{BOX}"


def _shown(record: Record) -> str:
    return ", ".join(record) or "(none)"
