"""Reads the trace store, while a server writes to it or later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Self, TypeVar, Unpack

import sqlalchemy as sa

from .children import feedback_on, trajectories_of
from .database import open_for_reading
from .encoding import episode_of
from .filters import Wanted, conditions
from .records import EpisodeRecord
from .schema import episodes, losses
from .summaries import Summary, summaries_of, summary_query

T = TypeVar("T")
Load = Callable[[sa.Connection, Sequence[sa.RowMapping]], list[T]]

_PAGE = 100


class TraceReader:
    """Gives back the records that a `TraceWriter` stored; `replay(trajectory.log)` is the trajectory itself.

    Read in pages of 100, each a short transaction, so that a slow consumer holds no lock.
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
        with self._engine.begin() as connection:
            rows = connection.execute(sa.select(episodes).where(episodes.c.id == id)).mappings().all()
            return next(iter(_loaded(connection, rows)), None)

    def ids(self, beginning: str, limit: int = 2) -> list[str]:
        """The first ids that begin so."""
        wanted = sa.select(episodes.c.id).where(episodes.c.id.startswith(beginning, autoescape=True))
        with self._engine.begin() as connection:
            return list(connection.execute(wanted.order_by(episodes.c.id).limit(limit)).scalars())

    def episodes(
        self, *, limit: int | None = None, newest: bool = False, **wanted: Unpack[Wanted]
    ) -> Iterator[EpisodeRecord]:
        """The first `limit` episodes that meet every filter, oldest first unless `newest`."""
        return self._paged(sa.select(episodes).where(*conditions(wanted)), _loaded, limit, newest)

    def summaries(
        self, *, limit: int | None = None, newest: bool = False, **wanted: Unpack[Wanted]
    ) -> Iterator[Summary]:
        """The same without messages and logs, which are not read at all."""
        return self._paged(summary_query().where(*conditions(wanted)), summaries_of, limit, newest)

    def lost(self, since: datetime) -> int:
        """Episodes that servers could not store, as far as they could write it down since."""
        query = sa.select(sa.func.coalesce(sa.func.sum(losses.c.episodes), 0)).where(losses.c.noticed >= since)
        with self._engine.begin() as connection:
            return int(connection.execute(query).scalar_one())

    def _paged(self, query: sa.Select[Any], load: Load[T], limit: int | None, newest: bool) -> Iterator[T]:
        keys = (episodes.c.created, episodes.c.id)
        query = query.order_by(*(key.desc() if newest else key for key in keys))
        left, last = limit, None
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            page = query if last is None else query.where(_beyond(last, newest))
            with self._engine.begin() as connection:
                rows = connection.execute(page.limit(size)).mappings().all()
                loaded = load(connection, rows)
            yield from loaded
            if len(rows) < size:
                return
            last, left = rows[-1], None if left is None else left - size


def _beyond(last: sa.RowMapping, newest: bool) -> sa.ColumnElement[bool]:
    created, id = episodes.c.created, episodes.c.id
    same_time = sa.and_(created == last["created"], id < last["id"] if newest else id > last["id"])
    return sa.or_(created < last["created"] if newest else created > last["created"], same_time)


def _loaded(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> list[EpisodeRecord]:
    ids = [row["id"] for row in rows]
    found, said = trajectories_of(connection, ids), feedback_on(connection, ids)
    return [episode_of(row, found[row["id"]], said[row["id"]]) for row in rows]
