"""What a column of an export is."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

Cells = dict[str, Any]
"""A row: the value of every column by its name; None where there is none."""


class Kind(StrEnum):
    """How a column's values are written; the first is parquet's way, the second that of JSON lines."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    """A double; in JSON lines null where it is no finite number."""
    TIME = "time"
    """A timestamp in UTC, microseconds; ISO 8601."""
    JSON = "json"
    """JSON as text; the value itself."""
    TEXTS = "texts"
    INTEGERS = "integers"
    NUMBERS = "numbers"


class Column(NamedTuple):
    """One column."""

    name: str
    kind: Kind
    meaning: str
