"""Episodes in a line each: what a list shows of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from .children import feedback_on
from .records import Feedback
from .schema import episodes, trajectories

_COUNTED = ("sampled", "thinking", "injected", "dropped")
_COLUMNS = ("id", "created", "model", "preset", "outcome", "seconds", "controllers", "redacted")


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """An episode without its messages and logs; tokens are those of all its trajectories."""

    id: str
    created: datetime
    model: str
    preset: str | None
    outcome: str
    seconds: float
    controllers: list[str]
    trajectories: int
    sampled: int
    thinking: int
    injected: int
    dropped: int
    redacted: int
    feedback: list[Feedback]


def summary_query() -> sa.Select[Any]:
    """The rows that `summaries_of` takes."""
    return sa.select(*(episodes.c[name] for name in _COLUMNS))


def summaries_of(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> list[Summary]:
    """The summaries of these rows, in their order."""
    ids = [row["id"] for row in rows]
    counts, said = _counts(connection, ids), feedback_on(connection, ids)
    none: dict[str, Any] = dict.fromkeys(("trajectories", *_COUNTED), 0)
    return [
        Summary(
            **{name: row[name] for name in _COLUMNS if name != "controllers"},
            controllers=[name for name in row["controllers"].split(",") if name],
            **counts.get(row["id"], none),
            feedback=said[row["id"]],
        )
        for row in rows
    ]


def _counts(connection: sa.Connection, episode_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    sums = [sa.func.sum(trajectories.c[name]).label(name) for name in _COUNTED]
    wanted = sa.select(trajectories.c.episode_id, sa.func.count().label("trajectories"), *sums)
    wanted = wanted.where(trajectories.c.episode_id.in_(episode_ids)).group_by(trajectories.c.episode_id)
    rows = connection.execute(wanted).mappings()
    return {row["episode_id"]: {name: int(row[name]) for name in ("trajectories", *_COUNTED)} for row in rows}
