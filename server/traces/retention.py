"""Lets the oldest episodes go: by age, number and size, beside the writer and in small steps."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from .config import KeepSection
from .connecting import engine_of, parse
from .schema import episodes

logger = logging.getLogger(__name__)

_STEP = 100
"""Episodes that one transaction deletes: a writer waits for no more."""
_PAUSE = 0.02
"""Seconds between two steps: SQLite gives its lock to whoever asks first, not to who waits."""
_SWEEP_LOCK = 0x666C7963
"""Key of the PostgreSQL advisory lock that the one replica holds that deletes."""


class Place(NamedTuple):
    """An episode's place in the order of time."""

    created: datetime
    id: str


class Retention:
    """Deletes in a thread of its own, at once and then regularly. An error is logged, and tried again."""

    def __init__(self, url: str, keep: KeepSection) -> None:
        self.expired = 0
        """Episodes deleted."""
        self._keep = keep
        target = parse(url)
        self._reading, self._deleting = engine_of(target, "BEGIN"), engine_of(target, "BEGIN IMMEDIATE")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flyball-traces-retention", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self, timeout: float = 10.0) -> None:
        """Stop after the step under way. Blocks, for `timeout` seconds at most."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        self._reading.dispose()
        self._deleting.dispose()

    def sweep(self, now: datetime | None = None) -> int:
        """Delete what is over a limit now; how many episodes those were. Errors: SQLAlchemyError."""
        last = self._last_to_go(now or datetime.now(UTC))
        deleted = 0
        while last is not None and not self._stop.is_set():
            count = self._delete_up_to(last)
            deleted += count
            self.expired += count
            if count < _STEP:
                break
            self._stop.wait(_PAUSE)
        return deleted

    def _run(self) -> None:
        while True:
            try:
                self.sweep()
            except SQLAlchemyError:
                logger.exception("trace store: old episodes could not be deleted")
            if self._stop.wait(self._keep.every_seconds):
                return

    # -- which -----------------------------------------------------------------------------------------------------

    def _last_to_go(self, now: datetime) -> Place | None:
        """The newest episode that is over some limit; read without holding a writer up."""
        keep = self._keep
        with self._reading.begin() as connection:
            found = [
                Place(now - timedelta(days=keep.days), "") if keep.days is not None else None,
                _over_number(connection, keep.episodes) if keep.episodes is not None else None,
                _over_size(connection, int(keep.mib * 2**20)) if keep.mib is not None else None,
            ]
        return max((place for place in found if place is not None), default=None)

    def _delete_up_to(self, last: Place) -> int:
        same_time = sa.and_(episodes.c.created == last.created, episodes.c.id <= last.id)
        gone = sa.or_(episodes.c.created < last.created, same_time)
        step = sa.select(episodes.c.id).where(gone).order_by(episodes.c.created, episodes.c.id).limit(_STEP)
        with self._deleting.begin() as connection:
            if connection.dialect.name == "postgresql":
                lock = sa.select(sa.func.pg_try_advisory_xact_lock(_SWEEP_LOCK))
                if not connection.execute(lock).scalar_one():
                    return 0
            ids = connection.execute(step).scalars().all()
            connection.execute(episodes.delete().where(episodes.c.id.in_(ids)))
        return len(ids)


def _over_number(connection: sa.Connection, most: int) -> Place | None:
    newest_first = sa.select(episodes.c.created, episodes.c.id).order_by(
        episodes.c.created.desc(), episodes.c.id.desc()
    )
    row = connection.execute(newest_first.offset(most).limit(1)).first()
    return None if row is None else Place(row.created, row.id)


def _over_size(connection: sa.Connection, most: int) -> Place | None:
    order = (episodes.c.created.desc(), episodes.c.id.desc())
    size = sa.func.sum(episodes.c.bytes).over(order_by=order)
    sizes = sa.select(episodes.c.created, episodes.c.id, size.label("size")).subquery()
    over = sa.select(sizes.c.created, sizes.c.id).where(sizes.c.size > most)
    row = connection.execute(over.order_by(sizes.c.created.desc(), sizes.c.id.desc()).limit(1)).first()
    return None if row is None else Place(row.created, row.id)
