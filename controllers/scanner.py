"""Finds boundaries in the engine's stream, and knows how far tokens can be part of a match that is still open.

The hot path is `plain`: a delta in which nothing can happen is appended whole, without a look at its tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..core.chat_format import ChatFormat, Fence, Tracker
from ..core.engine import TokenLogprob
from ..core.events import Channel, Origin
from ..core.trajectory import Trajectory
from .boundary import AnyWatch, Boundary, BoundaryKind, TextWatch, TokenWatch, Watch
from .fences import FenceMatch
from .text_match import StopMatch, ThoughtMatch
from .watched_text import WatchedText

_NEVER = math.inf
_EVERY = 256
"""Tokens between two states that are kept: so many are read again at most when an edit goes back."""


class StopFound(NamedTuple):
    """A stop string began `chars` characters into the answer text."""

    stop: str
    chars: int


class Counter:
    """Sampled tokens of one channel (None: of any), and the next number at which somebody wants to be asked."""

    def __init__(self, watch: TokenWatch) -> None:
        self.watch = watch
        self.count = 0

    def counts(self, channel: Channel, marker: bool) -> bool:
        """Whether a sampled token like this is counted."""
        watch = self.watch
        return (watch.channel is None or watch.channel is channel) and (watch.markers or not marker)

    @property
    def next_at(self) -> float:
        """The next count that is a boundary."""
        n = self.watch.n
        if self.count < n:
            return n
        return (self.count // n + 1) * n if self.watch.repeat and n else _NEVER

    def left(self) -> float:
        """Tokens until then."""
        return self.next_at - self.count


class _Kept(NamedTuple):
    """Everything that depends on the tokens so far, when `seen` of them were seen."""

    seen: int
    tracker: Tracker
    counts: tuple[int, ...]
    thoughts: ThoughtMatch | None
    texts: WatchedText | None
    fences: FenceMatch | None


class Scanner:
    """Follows one trajectory token by token: its channel, what is counted, and text that may become a match."""

    def __init__(
        self,
        trajectory: Trajectory,
        format: ChatFormat,
        watches: Iterable[AnyWatch],
        stops: Sequence[str],
        with_tools: bool,
        fence: Fence | None = None,
    ) -> None:
        self.trajectory, self._format, self._with_tools = trajectory, format, with_tools
        self._fence = fence
        watched = list(watches)
        self._kinds = {watch.kind for watch in watched if isinstance(watch, Watch)}
        self._token_watches = list(dict.fromkeys(watch for watch in watched if isinstance(watch, TokenWatch)))
        self._text_watches = list(dict.fromkeys(watch for watch in watched if isinstance(watch, TextWatch)))
        self._stops = tuple(stops)
        self._kept: list[_Kept] = []
        self._start()

    def _start(self) -> None:
        self.tracker: Tracker = self._format.tracker(self.trajectory.prompt_ids, tools=self._with_tools)
        self.counters = [Counter(watch) for watch in self._token_watches]
        self._thoughts = ThoughtMatch(self._format) if BoundaryKind.THOUGHT_END in self._kinds else None
        self._texts = WatchedText(self._format, self._text_watches) if self._text_watches else None
        self._stop_match = StopMatch(self._format, self._stops) if self._stops else None
        self.fences = FenceMatch(self._format, self._fence) if self._fence is not None else None
        self._seen = 0
        self.stop: StopFound | None = None

    @property
    def channel(self) -> Channel:
        """Where the next token will be."""
        return self.tracker.channel

    @property
    def wants_logprobs(self) -> bool:
        """Whether somebody asks how likely the tokens were that the model sampled."""
        return any(watch.logprobs for watch in self._text_watches)

    @property
    def held(self) -> int:
        """Tokens from this position on may be part of a match that is not decided yet."""
        held = self._seen
        if self._thoughts is not None:
            held = min(held, self._thoughts.held(self._seen))
        if self._texts is not None:
            held = min(held, self._texts.held(self._seen))
        if self._stop_match is not None:
            held = min(held, self._stop_match.held(self._seen))
        return held

    def _keep(self) -> None:
        """Keep the state now and then; not while stop strings are searched, which count the whole answer."""
        if self._stop_match is not None:
            return
        counts = tuple(counter.count for counter in self.counters)
        self._kept.append(_forked(_Kept(self._seen, self.tracker, counts, self._thoughts, self._texts, self.fences)))

    def _due(self) -> bool:
        return self._seen >= (self._kept[-1].seen if self._kept else 0) + _EVERY

    def _restore(self, kept: _Kept) -> None:
        self._start()
        self._seen, self.tracker, counts, self._thoughts, self._texts, fences = _forked(kept)
        self.fences = fences if self._fence is not None else None
        for counter, count in zip(self.counters, counts, strict=True):
            counter.count = count

    def rewind(self) -> None:
        """Follow what the trajectory still holds, from the last state that is kept: after an edit has dropped tokens."""
        ids = self.trajectory.ids
        while self._kept and self._kept[-1].seen > len(ids):
            self._kept.pop()
        if self._kept:
            self._restore(self._kept[-1])
        else:
            self._start()
        begin = self._seen
        for run, end in self.trajectory.spans(begin):
            self.follow(ids[max(run.start, begin) : end], run.origin)
        if self._thoughts is not None:
            self._thoughts.take()  # it was reported when it was new
        if self._texts is not None:
            self._texts.take()
        if self.fences is not None:
            self.fences.take()

    def follow(self, ids: Sequence[int], origin: Origin) -> None:
        """Walk over tokens that are already kept; injected ones raise no boundaries, so nothing is reported."""
        if origin is Origin.ENVIRONMENT:
            self._pass(ids)
            return
        for token in ids:
            self._step(token, origin)

    def append_results(self, ids: Sequence[int]) -> None:
        """Keep what tools wrote. Where it ends the turn, what follows is a new one."""
        self.trajectory.append(ids, Channel.RESULT, Origin.ENVIRONMENT)
        self._pass(ids)

    def _pass(self, ids: Sequence[int]) -> None:
        """Walk over results: nothing in them is a match or a marker, but for the turns around them."""
        if self._due():
            self._keep()
        if self._thoughts is not None:
            self._thoughts.feed(self._seen, ids[0], Channel.RESULT, False, Origin.ENVIRONMENT)
        if self._texts is not None:
            self._texts.reset()
        if self._stop_match is not None:
            self._stop_match.feed(self._seen, ids[0], Channel.RESULT, False, Origin.ENVIRONMENT)
        if self.fences is not None:
            self.fences.reset()
        if not self._format.turn_ids.isdisjoint(ids):
            self.tracker = self._format.tracker(ids, tools=self._with_tools)
        self._seen += len(ids)

    def ignore_fences(self) -> None:
        """From now on code in thinking is text like any other."""
        self._fence = self.fences = None

    def inject(self, ids: Sequence[int]) -> None:
        """Keep tokens that somebody wrote for the model."""
        for token in ids:
            channel, marker = self._step(token, Origin.INJECTED)
            self.trajectory.append([token], channel, Origin.INJECTED, marker=marker)

    def plain(self, ids: Sequence[int]) -> bool:
        """Whether nothing can happen in these sampled tokens."""
        tracker = self.tracker
        if tracker.busy or not tracker.special.isdisjoint(ids):
            return False
        if self._thoughts is not None and tracker.channel is Channel.THINK:
            return False
        if self._texts is not None and tracker.channel is Channel.THINK:
            return False
        if self._stop_match is not None and tracker.channel is Channel.ANSWER:
            return False
        if self.fences is not None and tracker.channel is Channel.THINK:
            return False
        count = len(ids)
        return all(counter.left() > count for counter in self.counters if counter.counts(tracker.channel, marker=False))

    def take_plain(
        self, ids: Sequence[int], logprobs: Sequence[TokenLogprob] | None, weight_version: str | None
    ) -> None:
        """Keep a delta for which `plain` holds."""
        if self._due():
            self._keep()
        channel, count = self.tracker.channel, len(ids)
        for counter in self.counters:
            if counter.counts(channel, marker=False):
                counter.count += count
        self._seen += count
        self.trajectory.append(ids, channel, Origin.SAMPLED, logprobs=logprobs, weight_version=weight_version)

    def take(self, token: int, logprob: TokenLogprob | None, weight_version: str | None) -> list[Boundary]:
        """Keep one sampled token; the boundaries that it makes, the earliest position first.

        When it completes a stop string there are none: the stop began before them.
        """
        position, before = len(self.trajectory.ids), self.tracker.channel
        channel, marker = self._step(token, Origin.SAMPLED)
        self.trajectory.append(
            [token],
            channel,
            Origin.SAMPLED,
            marker=marker,
            logprobs=None if logprob is None else [logprob],
            weight_version=weight_version,
        )
        if self._stop_match is not None and self._stop_match.found is not None:
            self.stop = StopFound(*self._stop_match.found)
            return []
        return self._boundaries(position, channel, marker, before)

    def _step(self, token: int, origin: Origin) -> tuple[Channel, bool]:
        """Move every follower over one token; its channel and whether it is a marker."""
        if self._due():
            self._keep()
        tracker = self.tracker
        if tracker.busy or token in tracker.special:
            mark = tracker.see(token)
            channel, marker = mark.channel, mark.marker
        else:
            channel, marker = tracker.channel, False
        position = self._seen
        self._seen += 1
        if origin is Origin.SAMPLED:
            for counter in self.counters:
                if counter.counts(channel, marker):
                    counter.count += 1
        if self._thoughts is not None:
            self._thoughts.feed(position, token, channel, marker, origin)
        if self._texts is not None:
            self._texts.feed(position, token, channel, marker, origin)
        if self._stop_match is not None:
            self._stop_match.feed(position, token, channel, marker, origin)
        if self.fences is not None:
            self.fences.feed(token, channel, marker, origin)
        return channel, marker

    def _boundaries(self, position: int, channel: Channel, marker: bool, before: Channel) -> list[Boundary]:
        detected, after = position + 1, self.tracker.channel
        made: list[Boundary] = []
        if self._thoughts is not None and (thought := self._thoughts.take()) is not None:
            made.append(Boundary(BoundaryKind.THOUGHT_END, thought, detected))
        if self._texts is not None:
            for found in self._texts.take():
                made.append(Boundary(BoundaryKind.TEXT, found.position, detected, found.watch, found.text))
        if marker and channel is Channel.THINK and after is not Channel.THINK:
            made.append(Boundary(BoundaryKind.THINK_END, position, detected))
        if marker and channel is Channel.CALL and after is not Channel.CALL:
            made.append(Boundary(BoundaryKind.CALL_CLOSED, detected, detected))
        for counter in self.counters:
            if self._reached(counter, channel, marker, before, after):
                made.append(Boundary(BoundaryKind.TOKENS, detected, detected, counter.watch))
        return made

    def _reached(self, counter: Counter, channel: Channel, marker: bool, before: Channel, after: Channel) -> bool:
        watch = counter.watch
        if watch.n == 0:
            return watch.channel is not None and after is watch.channel and before is not after
        if not counter.counts(channel, marker):
            return False
        return counter.count == watch.n or (watch.repeat and counter.count % watch.n == 0)


def _forked(kept: _Kept) -> _Kept:
    """A state that shares nothing with the one that is followed."""
    seen, tracker, counts, thoughts, texts, fences = kept
    return _Kept(
        seen,
        tracker.fork(),
        counts,
        None if thoughts is None else thoughts.fork(),
        None if texts is None else texts.fork(),
        None if fences is None else fences.fork(),
    )
