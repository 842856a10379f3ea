"""Writes records in the background: serving never waits for the trace store and never fails because of it."""

from __future__ import annotations

import logging
import threading
from queue import Empty, SimpleQueue

from sqlalchemy.exc import InterfaceError, OperationalError

from . import schema
from .database import open_for_writing
from .encoding import rows_of
from .records import EpisodeRecord

logger = logging.getLogger(__name__)

_BATCH = 64


class TraceWriter:
    """A bounded queue and one thread that encodes what arrives and inserts it, a batch to a transaction.

    `written`, `failed` and `dropped` count records; besides `capacity` waiting ones a batch of 64 may be under way.
    Errors: ConfigError from the constructor when the database cannot be opened.
    """

    def __init__(self, url: str, *, capacity: int = 256) -> None:
        self.written = 0
        self.failed = 0
        """Lost to an SQL error, or because they could not be encoded."""
        self.dropped = 0
        """Lost because the queue was full or the writer closed."""
        self._engine = open_for_writing(url)
        self._queue: SimpleQueue[EpisodeRecord | None] = SimpleQueue()
        self._capacity = capacity
        self._lock = threading.Lock()
        self._closed = False
        self._outage = 0
        self._thread = threading.Thread(target=self._run, name="flyball-traces", daemon=True)
        self._thread.start()

    def write(self, record: EpisodeRecord) -> bool:
        """Hand a record over, which must not change any more; False when it was dropped. Never blocks, never raises."""
        with self._lock:  # held for this long only, by either side
            if self._closed or self._queue.qsize() >= self._capacity:
                self.dropped += 1
                return False
            self._queue.put(record)
            return True

    def close(self, timeout: float = 10.0) -> bool:
        """Write what waits, for `timeout` seconds at most; whether all was written. Blocks: not for the event loop."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join(timeout)
        if self._thread.is_alive():
            logger.warning("trace store: closed with about %d records still waiting", self._queue.qsize())
        return not self._thread.is_alive()

    # -- in the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while batch := self._next_batch():
            self._store(batch)
        self._engine.dispose()

    def _next_batch(self) -> list[EpisodeRecord]:
        """What waits now, at least one record; empty at the end. The end's mark is left for the next call."""
        batch: list[EpisodeRecord] = []
        record = self._queue.get()
        while record is not None:
            batch.append(record)
            if len(batch) == _BATCH:
                return batch
            try:
                record = self._queue.get_nowait()
            except Empty:
                return batch
        if batch:
            self._queue.put(None)
        return batch

    def _store(self, batch: list[EpisodeRecord]) -> None:
        try:
            self._insert(batch)
        except (OperationalError, InterfaceError):  # the database is away: trying one by one would only take longer
            self._lost(len(batch))
        except Exception:  # noqa: BLE001  # whatever a record does, the thread lives on; _lost logs it
            if len(batch) == 1:
                self._lost(1)
            else:  # one record is at fault and must not take the others with it
                for record in batch:
                    self._store([record])
        else:
            self.written += len(batch)
            if self._outage:
                logger.warning("trace store: works again, %d records were lost", self._outage)
                self._outage = 0

    def _insert(self, batch: list[EpisodeRecord]) -> None:
        rows = rows_of(batch)
        with self._engine.begin() as connection:
            connection.execute(schema.episodes.insert(), rows.episodes)
            if rows.trajectories:
                connection.execute(schema.trajectories.insert(), rows.trajectories)
            if rows.decisions:
                connection.execute(schema.decisions.insert(), rows.decisions)

    def _lost(self, count: int) -> None:
        if not self._outage:
            logger.exception("trace store: records are being lost")
        self._outage += count
        self.failed += count
