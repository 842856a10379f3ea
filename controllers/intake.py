"""Takes in what the engine samples: token by token where something may happen, and as a whole where nothing can."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

from ..core.engine import Delta, TokenLogprob
from ..core.events import Channel, FinishReason
from ..core.trajectory import Trajectory
from .bill import Bill
from .boundary import Boundary, BoundaryKind
from .consulting import Consulting
from .editing import Editor
from .native_budget import NativeBudget
from .scanner import Scanner
from .tool_phase import ToolPhase


class Intake:
    """Keeps what arrives, and asks controllers at the boundaries in it. What an edit leaves behind is overshoot."""

    def __init__(
        self,
        trajectory: Trajectory,
        scanner: Scanner,
        editor: Editor,
        native: NativeBudget,
        consulting: Consulting,
        tools: ToolPhase | None,
        bill: Bill,
        max_calls: int | None,
    ) -> None:
        self._trajectory, self._scanner, self._editor, self._native = trajectory, scanner, editor, native
        self._consulting, self._tools, self._bill, self._max_calls = consulting, tools, bill, max_calls
        self._first = True
        self._sampling_into = scanner.channel
        """The channel of what the engine is sampling, whatever an edit makes of it."""
        self.cached_tokens = 0
        """How much of the first call's prompt the engine held."""

    def begin(self, *, first: bool) -> None:
        """An engine call begins."""
        self._first, self._sampling_into = first, self._scanner.channel

    def lost(self, delta: Delta) -> None:
        """Tokens that had arrived when an edit ended their call."""
        self._bill.sampled(len(delta.ids))
        self._trajectory.overshoot(delta.ids, self._sampling_into)

    def take(self, delta: Delta) -> bool:
        """Keep what arrived; whether the call must end now."""
        ids, scanner = delta.ids, self._scanner
        if delta.cached_tokens:
            self._bill.cached(delta.cached_tokens)
            if self._first:
                self.cached_tokens = delta.cached_tokens
        if ids:
            self._bill.sampled(len(ids))
            if not self._native.waits and scanner.plain(ids):
                scanner.take_plain(ids, delta.logprobs, delta.weight_version)
            elif self._take_each(delta):
                return True
        self._sampling_into = scanner.channel
        return delta.finish is None and self._editor.ledger_stops()

    def _take_each(self, delta: Delta) -> bool:
        for index, token in enumerate(delta.ids):
            self._sampling_into = self._scanner.channel
            if (spent := self._native.take()) is not None:
                resolution = self._consulting.resolution(spent)
                if self._editor.closed_by_engine(token, resolution):
                    continue
                if self._editor.apply(resolution) or self._editor.end is not None:
                    self._trajectory.overshoot(delta.ids[index:], self._sampling_into)
                    return True
            logprob = delta.logprobs[index] if delta.logprobs is not None else None
            if self._take_one(token, logprob, delta.weight_version):
                self._trajectory.overshoot(delta.ids[index + 1 :], self._sampling_into)
                return True
        return False

    def _take_one(self, token: int, logprob: TokenLogprob | None, weight_version: str | None) -> bool:
        scanner, before = self._scanner, self._scanner.channel
        boundaries = scanner.take(token, logprob, weight_version)
        self._sampling_into = scanner.channel
        if self._editor.reopened(token, before):
            return True
        if scanner.stop is not None:
            self._editor.end_here(FinishReason.STOP, "stop", *scanner.stop)
            return True
        for _, group in groupby(boundaries, key=lambda boundary: boundary.position):
            here = [boundary for boundary in group if not self._native.reached(boundary)]
            if here and (self._consulting.ask(*here) or self._calls_are_enough(here)):
                return True
        return self._fence_closed()

    def _fence_closed(self) -> bool:
        """Whether code is due; a thinking budget that the same token has spent goes first."""
        if self._tools is None or not self._tools.fence_closed():
            return False
        if (spent := self._native.take()) is not None and self._consulting.ask(spent):
            self._tools.forget()
        return True

    def _calls_are_enough(self, boundaries: Sequence[Boundary]) -> bool:
        closed_one = any(boundary.kind is BoundaryKind.CALL_CLOSED for boundary in boundaries)
        if not closed_one or self._max_calls is None:
            return False
        turn = self._trajectory.spans(self._trajectory.turn_start())
        in_call = [run.channel is Channel.CALL and not run.marker for run, _ in turn]
        closed = sum(1 for before, now in pairwise([False, *in_call]) if now and not before)
        if closed < self._max_calls:
            return False
        self._editor.end_here(FinishReason.STOP, "parallel_tool_calls")
        return True
