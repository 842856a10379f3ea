"""Writes records in the background: serving never waits for the trace store and never fails because of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import NamedTuple

from sqlalchemy.exc import InterfaceError, OperationalError

from ...core.errors import Unavailable
from .records import EpisodeRecord, Feedback
from .redaction.redactor import AsItIs, Redactor
from .store import Store

logger = logging.getLogger(__name__)

_BATCH = 64


class _Episode(NamedTuple):
    record: EpisodeRecord
    api_key: str | None


class _Rating(NamedTuple):
    episode_id: str
    api_key: str | None
    given: Feedback
    answer: Future[bool]


_Job = _Episode | _Rating


class TraceWriter:
    """A bounded queue and one thread that redacts and encodes what arrives and inserts it, a batch to a transaction.

    `written`, `failed` and `dropped` count records; besides `capacity` waiting ones a batch of 64 may be under way.
    Errors: ConfigError from the constructor when the database cannot be opened.
    """

    def __init__(self, url: str, *, capacity: int = 256, redactor: Redactor | None = None) -> None:
        self.written = 0
        self.failed = 0
        """Lost to an SQL error, or because they could not be redacted or encoded."""
        self.dropped = 0
        """Lost because the queue was full or the writer closed."""
        self._store = Store(url)
        self._redactor = redactor or AsItIs()
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._capacity = capacity
        self._lock = threading.Lock()
        self._closed = False
        self._outage = 0
        self._told_lost = 0
        self._thread = threading.Thread(target=self._run, name="flyball-traces", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """What is not written yet, but for a batch that may be under way."""
        return self._queue.qsize()

    @property
    def works(self) -> bool:
        """Whether the last write went well."""
        return not self._outage

    def write(self, record: EpisodeRecord, api_key: str | None = None) -> bool:
        """Hand a record over, which must not change any more; False when it was dropped. Never blocks, never raises.

        Of the client's key only a salted hash is stored, so that feedback is taken from the same client only.
        """
        with self._lock:  # held for this long only, by either side
            if not self._put(_Episode(record, api_key), self._capacity):
                self.dropped += 1
                return False
            return True

    def rate(self, episode_id: str, api_key: str | None, given: Feedback) -> Future[bool]:
        """Feedback, taken behind the records handed over before; the answer is False where the client has no such episode.

        Half of the queue is closed to it: no flood of feedback costs an episode. Errors, of the answer: Unavailable when the store cannot take it.
        """
        answer: Future[bool] = Future()
        with self._lock:
            if not self._put(_Rating(episode_id, api_key, given, answer), self._capacity // 2 + 1):
                answer.set_exception(Unavailable("the trace store takes nothing now"))
        return answer

    def _put(self, job: _Job, room: int) -> bool:
        taken = not self._closed and self._queue.qsize() < room
        if taken:
            self._queue.put(job)
        return taken

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
            if episodes := [job for job in batch if isinstance(job, _Episode)]:
                self._keep(episodes)
            for job in batch:
                if isinstance(job, _Rating) and job.answer.set_running_or_notify_cancel():
                    self._rate(job)
        self._store.close()

    def _next_batch(self) -> list[_Job]:
        """What waits now, at least one job; empty at the end. The end's mark is left for the next call."""
        batch: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            batch.append(job)
            if len(batch) == _BATCH:
                return batch
            try:
                job = self._queue.get_nowait()
            except Empty:
                return batch
        if batch:
            self._queue.put(None)
        return batch

    def _keep(self, batch: Sequence[_Episode]) -> None:
        try:
            self._insert(batch)
        except (OperationalError, InterfaceError):  # the database is away: trying one by one would only take longer
            self._lost(len(batch))
        except Exception:  # noqa: BLE001  # whatever a record does, the thread lives on; _lost logs it
            if len(batch) == 1:
                self._lost(1)
            else:  # one record is at fault and must not take the others with it
                for job in batch:
                    self._keep([job])
        else:
            self.written += len(batch)
            if self._outage:
                logger.warning("trace store: works again, %d records were lost", self._outage)
                self._outage = 0

    def _insert(self, batch: Sequence[_Episode]) -> None:
        lost = self.failed + self.dropped
        redacted = [(self._redactor.record(job.record), job.api_key) for job in batch]
        self._store.insert(redacted, lost - self._told_lost)
        self._told_lost = lost

    def _rate(self, job: _Rating) -> None:
        given = job.given
        try:
            job.answer.set_result(self._store.rate(job.episode_id, job.api_key, self._redactor.feedback(given)))
        except Exception as error:  # noqa: BLE001  # whatever it is, the thread lives on and the client is told
            logger.warning("trace store: feedback could not be kept: %s", type(error).__name__)
            job.answer.set_exception(Unavailable("the trace store takes nothing now"))

    def _lost(self, count: int) -> None:
        if not self._outage:
            logger.exception("trace store: records are being lost")
        self._outage += count
        self.failed += count
