"""The server's side of the trace store: what is kept of an episode, and that it never costs a request anything."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from ..controllers.episode import Episode
from ..core.chat_format import ChatFormat
from ..core.errors import TraceNotFound, Unavailable
from .config import PACKAGED, Config, ModelSection
from .metrics import Metrics
from .secrets import secrets_of
from .traces.config import TracesSection
from .traces.records import EpisodeRecord, Feedback, trajectory_record
from .traces.redaction.everything import HideText
from .traces.redaction.matches import HideMatches
from .traces.redaction.patterns import Patterns
from .traces.redaction.redactor import Redactor
from .traces.retention import Retention
from .traces.sampling import sampled
from .traces.writer import TraceWriter
from .translate import Target
from .wire.requests import ChatCompletionRequest, SamplingFields

log = logging.getLogger(__name__)

FEEDBACK_SECONDS = 5.0
"""How long feedback waits for the store."""


class End(NamedTuple):
    """How an episode ended: ok, error or cancelled, and after how long."""

    outcome: str
    seconds: float


class Tracing:
    """Writes the sampled share of episodes to the store that is configured, and lets old ones go.

    Errors: ConfigError from the constructor when the store cannot be opened.
    """

    def __init__(self, url: str, config: Config, format: ChatFormat) -> None:
        self._config = config.traces
        self._tokenizer = _tokenizer(config.model)
        self._format = config.model.format if ":" in config.model.format else format.name
        redactor = _redactor(config, format)
        self.writer = TraceWriter(url, capacity=config.traces.queue, redactor=redactor)
        self.retention = Retention(url, config.traces.keep)
        if config.traces.keep.model_dump(exclude={"every_seconds"}, exclude_none=True):
            self.retention.start()
        self.skipped = 0
        """Episodes outside of the sample."""

    def watch(self, metrics: Metrics) -> None:
        """Show what became of episodes."""
        writer = self.writer
        metrics.watch("flyball_traces_written", "Episodes in the trace store.", lambda: writer.written)
        metrics.watch("flyball_traces_dropped", "Episodes lost because the queue was full.", lambda: writer.dropped)
        metrics.watch("flyball_traces_failed", "Episodes lost to an error of the store.", lambda: writer.failed)
        metrics.watch("flyball_traces_skipped", "Episodes outside of the sample.", lambda: self.skipped)
        metrics.watch("flyball_traces_expired", "Old episodes deleted.", lambda: self.retention.expired)
        metrics.watch("flyball_traces_waiting", "Episodes that wait to be written.", lambda: writer.waiting)

    def health(self) -> dict[str, Any]:
        """Whether the store takes episodes, and how many were lost."""
        writer = self.writer
        return {"works": writer.works, "written": writer.written, "lost": writer.failed + writer.dropped}

    def record(
        self, episode: Episode, request: ChatCompletionRequest, target: Target, api_key: str | None, end: End
    ) -> None:
        """Hand over an episode that has ended, if it is in the sample. Never blocks, never raises."""
        if not sampled(episode.spec.id, self._config.sample):
            self.skipped += 1
            return
        try:
            record = self._record(episode, request, target, end)
        except Exception:  # a request never fails because of its trace, whatever is wrong with it
            log.exception("trace store: an episode could not be recorded")
            self.writer.failed += 1
        else:
            self.writer.write(record, api_key)

    def _record(self, episode: Episode, request: ChatCompletionRequest, target: Target, end: End) -> EpisodeRecord:
        spec = episode.spec
        reasons = [trial.trajectory.finished.reason for trial in episode.trials if trial.trajectory.finished]
        return EpisodeRecord(
            id=spec.id,
            created=datetime.fromtimestamp(episode.started, UTC),
            model=request.model,
            preset=target.preset,
            messages=[dict(message) for message in spec.messages],
            flyball=target.governing(request).stored(),
            sampling=_sampling_as_sent(request),
            outcome=str(reasons[0]) if end.outcome == "ok" and reasons else end.outcome,
            ledger=episode.ledger.summary(),
            seconds=end.seconds,
            tokenizer=self._tokenizer,
            format=self._format,
            trajectories=[
                trajectory_record(trial.trajectory, trial.index, episode.seed(trial.index)) for trial in episode.trials
            ],
        )

    async def rate(self, trace_id: str, api_key: str | None, given: Feedback) -> None:
        """Keep feedback of the client that the episode belongs to.

        Errors: TraceNotFound, whether there is no such episode or it is another's; Unavailable.
        """
        answer = self.writer.rate(trace_id, api_key, given)
        try:
            async with asyncio.timeout(FEEDBACK_SECONDS):
                found = await asyncio.wrap_future(answer)
        except TimeoutError:
            raise Unavailable("the trace store is slow") from None
        if not found:
            raise TraceNotFound(trace_id)

    def close(self) -> None:
        """Write what waits. Blocks."""
        self.retention.close()
        self.writer.close()


def _tokenizer(model: ModelSection) -> str:
    """What reads the ids later, also from another folder."""
    tokenizer = model.tokenizer or model.path
    folder = Path(tokenizer)
    return str(folder.resolve()) if tokenizer not in PACKAGED and folder.is_dir() else tokenizer


def _redactor(config: Config, format: ChatFormat) -> Redactor:
    traces: TracesSection = config.traces
    if not traces.text:
        return HideText()
    return HideMatches(Patterns(secrets_of(config), traces.redact), format.decode)


_SAMPLING = frozenset(SamplingFields.model_fields) - {"model", "stream", "stream_options", "user"}


def _sampling_as_sent(request: ChatCompletionRequest) -> dict[str, Any]:
    """The declared sampling fields that the client set; never its extra fields, which may hold anything."""
    return {name: getattr(request, name) for name in request.model_fields_set & _SAMPLING}
