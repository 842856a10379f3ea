"""One line of decoding, kept as an append-only event log; context, transcript and training rows are views of it.

A position counts kept tokens after the prompt. The tail of the log grows in place while the same kind of token arrives,
so the log holds one event per span, not one per token.

Legend: ids are token ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .engine import TokenLogprob
from .events import (
    AnyEvent,
    Appended,
    Channel,
    ContextReplaced,
    Dropped,
    Finished,
    Origin,
    Overshot,
    Rendered,
    ToolAnswered,
    ToolCalled,
)
from .training_rows import TrainingRow, training_rows


class Run(NamedTuple):
    """Kept tokens from `start` on that share their properties; it ends where the next one starts.

    A marker belongs to a channel but is no text of it: `<think>`, `</think>`, the end of the turn.
    """

    start: int
    channel: Channel
    origin: Origin
    marker: bool


class Tally(NamedTuple):
    """Tokens of one trajectory by what became of them.

    `thinking` are the sampled ones of the think channel, no markers; `injected` are all that the model did not sample,
    results of tools too.
    """

    sampled: int
    thinking: int
    injected: int
    dropped: int


class Trajectory:
    """The log and the state that it implies, kept up to date as events are appended."""

    def __init__(self, prompt_ids: Sequence[int]) -> None:
        self.log: list[AnyEvent] = [Rendered(position=0, ids=list(prompt_ids))]
        self.prompt_ids = list(prompt_ids)
        self.ids: list[int] = []
        self.runs: list[Run] = []
        self.logprobs: dict[int, TokenLogprob] = {}
        self.sampled = 0
        self.thinking = 0
        self.dropped = 0
        self.environment = 0
        """Tokens that tools wrote."""
        self.tool_events: list[ToolCalled | ToolAnswered] = []
        """Of kept calls, in the order of the log."""
        self.finished: Finished | None = None
        self._bases: list[tuple[int, list[int]]] = [(0, self.prompt_ids)]
        """(position, what the engine sees in place of all before it), oldest first."""

    # -- growing ---------------------------------------------------------------------------------------------------

    def append(
        self,
        ids: Sequence[int],
        channel: Channel,
        origin: Origin,
        *,
        marker: bool = False,
        logprobs: Sequence[TokenLogprob] | None = None,
        weight_version: str | None = None,
    ) -> None:
        """Keep `ids` at the end."""
        if not ids:
            return
        position, count = len(self.ids), len(ids)
        self.ids.extend(ids)
        self._count(channel, origin, marker, count)
        run = self.runs[-1] if self.runs else None
        if run is None or run.channel is not channel or run.origin is not origin or run.marker is not marker:
            self.runs.append(Run(position, channel, origin, marker))
        if logprobs is not None:
            for offset, logprob in enumerate(logprobs):
                self.logprobs[position + offset] = logprob
        self._log_appended(position, ids, channel, origin, marker, logprobs, weight_version)

    def _log_appended(
        self,
        position: int,
        ids: Sequence[int],
        channel: Channel,
        origin: Origin,
        marker: bool,
        logprobs: Sequence[TokenLogprob] | None,
        weight_version: str | None,
    ) -> None:
        tail = self.log[-1]
        if (
            type(tail) is Appended
            and tail.channel is channel
            and tail.origin is origin
            and tail.marker is marker
            and tail.weight_version == weight_version
            and (tail.logprobs is None) is (logprobs is None)
        ):
            tail.ids.extend(ids)
            if tail.logprobs is not None and logprobs is not None:
                tail.logprobs.extend(item.logprob for item in logprobs)
            return
        values = None if logprobs is None else [item.logprob for item in logprobs]
        self.log.append(
            Appended(
                position=position,
                ids=list(ids),
                channel=channel,
                origin=origin,
                marker=marker,
                logprobs=values,
                weight_version=weight_version,
            )
        )

    def _count(self, channel: Channel, origin: Origin, marker: bool, count: int) -> None:
        if origin is Origin.SAMPLED:
            self.sampled += count
            if channel is Channel.THINK and not marker:
                self.thinking += count
        elif origin is Origin.ENVIRONMENT:
            self.environment += count

    def drop(self, position: int, by: str) -> None:
        """Drop everything from `position` on; a context that was replaced later is what it was before."""
        if position >= len(self.ids):
            return
        if position < 0:
            raise ValueError(f"there is no position {position}")
        while self._bases[-1][0] > position:
            self._bases.pop()
        before, spans = self.sampled, self.spans(position)
        for run, end in spans:
            self._count(run.channel, run.origin, run.marker, max(run.start, position) - end)
        ids, sampled = self.ids[position:], before - self.sampled
        self.dropped += sampled
        del self.ids[position:]
        while self.runs and self.runs[-1].start >= position:
            self.runs.pop()
        for index in range(position, position + len(ids)):
            self.logprobs.pop(index, None)
        self.tool_events = [
            event for event in self.tool_events if event.position + isinstance(event, ToolAnswered) <= position
        ]
        channel = spans[0][0].channel
        self.log.append(Dropped(position=position, ids=ids, sampled=sampled, by=by, channel=channel))

    def overshoot(self, ids: Sequence[int], channel: Channel = Channel.ANSWER) -> None:
        """Note sampled tokens that were never kept."""
        if ids:
            self.dropped += len(ids)
            self.log.append(Overshot(position=len(self.ids), ids=list(ids), channel=channel))

    def replace_context(self, ids: Sequence[int], by: str) -> None:
        """Let the engine see `ids` from now on, instead of all that came before."""
        self._bases.append((len(self.ids), list(ids)))
        self.log.append(ContextReplaced(position=len(self.ids), ids=list(ids), by=by))

    def note(self, event: AnyEvent) -> None:
        """Append an event that changes no token."""
        self.log.append(event)
        if isinstance(event, Finished):
            self.finished = event
        elif isinstance(event, ToolCalled | ToolAnswered):
            self.tool_events.append(event)

    @property
    def replacements(self) -> int:
        """How often the context was replaced, as far as that still holds."""
        return len(self._bases) - 1

    # -- views -----------------------------------------------------------------------------------------------------

    def context(self, position: int | None = None) -> list[int]:
        """The ids that the engine sees next; or would see, were everything from `position` on dropped."""
        end = len(self.ids) if position is None else position
        until, base = self._base(end)
        return base + self.ids[until:end]

    def context_tokens(self, position: int | None = None) -> int:
        """How many ids the engine sees next; or would see, were everything from `position` on dropped."""
        end = len(self.ids) if position is None else position
        until, base = self._base(end)
        return len(base) + end - until

    def context_start(self, position: int) -> int:
        """Where the context was last replaced, up to `position`; 0 where it never was."""
        return self._base(position)[0]

    def _base(self, end: int) -> tuple[int, list[int]]:
        return next(entry for entry in reversed(self._bases) if entry[0] <= end)

    def spans(self, start: int = 0) -> list[tuple[Run, int]]:
        """Runs that reach beyond `start`, each with its end."""
        ends = [*(run.start for run in self.runs[1:]), len(self.ids)]
        return [(run, end) for run, end in zip(self.runs, ends, strict=False) if end > start]

    def answers_at(self, position: int) -> list[ToolAnswered]:
        """The answers of tools whose tokens begin here."""
        return [event for event in self.tool_events if isinstance(event, ToolAnswered) and event.position == position]

    def calls_answered(self) -> int:
        """How many kept calls of the server's tools have their answer."""
        return sum(isinstance(event, ToolAnswered) for event in self.tool_events)

    def results(self) -> list[tuple[Run, int]]:
        """Stretches that tools wrote, each with its end."""
        return [(run, end) for run, end in self.spans() if run.origin is Origin.ENVIRONMENT]

    def turn_start(self) -> int:
        """Where the model's running turn began: behind the last results that ended a turn; code in thinking ends none."""
        ends = (end for run, end in reversed(self.results()) if not any(a.fenced for a in self.answers_at(run.start)))
        return next(ends, 0)

    def tally(self) -> Tally:
        """Tokens by what became of them."""
        return Tally(self.sampled, self.thinking, len(self.ids) - self.sampled, self.dropped)

    def training_rows(self) -> list[TrainingRow]:
        """What a trainer needs: one row per stretch between context replacements.

        Tokens of other origins, the prompt and what was dropped are masked or absent.
        """
        return training_rows(self.log)


def replay(log: Iterable[AnyEvent]) -> Trajectory:
    """The trajectory that a log implies: for stored traces, and the proof that the state is a view of the log."""
    events = iter(log)
    first = next(events)
    if not isinstance(first, Rendered):
        raise ValueError("a trajectory's log begins with Rendered")  # noqa: TRY004  the log's content is wrong
    trajectory = Trajectory(first.ids)
    for event in events:
        match event:
            case Appended():
                logprobs = None if event.logprobs is None else [TokenLogprob(value) for value in event.logprobs]
                trajectory.append(
                    event.ids,
                    event.channel,
                    event.origin,
                    marker=event.marker,
                    logprobs=logprobs,
                    weight_version=event.weight_version,
                )
            case Dropped():
                trajectory.drop(event.position, event.by)
            case Overshot():
                trajectory.overshoot(event.ids, event.channel)
            case ContextReplaced():
                trajectory.replace_context(event.ids, event.by)
            case _:
                trajectory.note(event)
    return trajectory
