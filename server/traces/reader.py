"""Reads the trace store, while a server writes to it or later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Self

import sqlalchemy as sa

from .database import open_for_reading
from .encoding import episode_of, trajectory_of
from .records import EpisodeRecord, TrajectoryRecord
from .schema import episodes, trajectories

_PAGE = 100


class TraceReader:
    """Gives back the records that a `TraceWriter` stored; `replay(trajectory.log)` is the trajectory itself.

    Errors: ConfigError from the constructor when there is no trace store, or one of another schema version.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_for_reading(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        self._engine.dispose()

    def episode(self, id: str) -> EpisodeRecord | None:
        """One episode; None when there is none of that id."""
        return next(iter(self._load(sa.select(episodes).where(episodes.c.id == id))), None)

    def episodes(
        self, *, since: datetime | None = None, model: str | None = None, limit: int | None = None
    ) -> Iterator[EpisodeRecord]:
        """Episodes, oldest first: those that began at `since` or later, of `model`, the first `limit` of them.

        Read in pages of 100, each a short transaction, so that a slow consumer holds no lock.
        """
        wanted = sa.select(episodes).order_by(episodes.c.created, episodes.c.id)
        if since is not None:
            wanted = wanted.where(episodes.c.created >= since)
        if model is not None:
            wanted = wanted.where(episodes.c.model == model)
        left = limit
        last: EpisodeRecord | None = None
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            page = self._load((wanted if last is None else wanted.where(_after(last))).limit(size))
            yield from page
            if len(page) < size:
                return
            last, left = page[-1], None if left is None else left - size

    def _load(self, wanted: sa.Select[Any]) -> list[EpisodeRecord]:
        with self._engine.begin() as connection:
            rows = connection.execute(wanted).mappings().all()
            found = _trajectories(connection, [row["id"] for row in rows])
        return [episode_of(row, found[row["id"]]) for row in rows]


def _after(record: EpisodeRecord) -> sa.ColumnElement[bool]:
    same_time = sa.and_(episodes.c.created == record.created, episodes.c.id > record.id)
    return sa.or_(episodes.c.created > record.created, same_time)


def _trajectories(connection: sa.Connection, episode_ids: Sequence[str]) -> dict[str, list[TrajectoryRecord]]:
    wanted = sa.select(trajectories).where(trajectories.c.episode_id.in_(episode_ids)).order_by(trajectories.c.index)
    found: dict[str, list[TrajectoryRecord]] = defaultdict(list)
    for row in connection.execute(wanted).mappings():
        found[row["episode_id"]].append(trajectory_of(row))
    return found
