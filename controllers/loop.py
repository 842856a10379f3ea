"""The decode loop: one trajectory from its prompt to its end, steered by controllers.

The nine rules (docs/lifecycle.md walks through them):

1. The prompt was rendered once; what is appended is tokenised alone and appended as ids.
2. The engine's stream goes through a scanner; at a boundary the watching controllers are asked in the request's order.
3. The earliest position wins: it voids edits decided at later positions and restores every controller's state at its
   position. At one position: a ledger stop, then the smallest truncation, finish, finish thinking, inject (several
   concatenate in order). Injected tokens raise no boundaries. Thinking that a limit closed stays closed. The number of
   edits is bounded (`Setup.max_edits`).
4. A changed context closes the engine call and starts another from the new ids, with raised priority.
5. A token is committed, and may be streamed, once nothing can reach it: no open verdict, no match that is undecided, no
   controller that reaches the whole trajectory. At every end open verdicts are awaited up to their deadlines.
6. The first call takes the trajectory's seed; a later one a hash of it, the position and the call's number.
7. Sampling parameters over a resumption: see `sampling.py` and docs/parameters.md.
8. `max_tokens` counts sampled kept tokens; what an edit drops was charged and is not kept.
9. Closing the generator closes the engine call and cancels verdicts.

Legend: ids are token ids; positions count kept tokens after the prompt.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from itertools import pairwise
from typing import Any

import msgspec

from ..core.chat_format import ChatFormat, ForcedCall
from ..core.engine import Delta, Engine, EngineRequest, Grammar, Sampling
from ..core.errors import ControllerError, EngineError
from ..core.ledger import SECONDS, TOKENS, USD, Ledger
from ..core.trajectory import Called, Channel, Finished, FinishReason, Noted, Trajectory
from .answer_phase import AnswerPhase
from .asking import Named, Panel
from .boundary import Boundary, BoundaryKind, TokenWatch
from .edits import Edit, Finish, FinishThinking, Inject, ReplaceContext, Resolution
from .limits import Allowance, Limits, allowance
from .native_budget import NativeBudget
from .pulling import OutOfTime, pull
from .scanner import Scanner
from .view import TrajectoryView, derived_seed


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one trajectory is decoded with."""

    engine: Engine
    format: ChatFormat
    controllers: Sequence[Named]
    messages: Sequence[Mapping[str, Any]]
    prompt_ids: Sequence[int]
    sampling: Sampling
    """max_tokens, min_tokens and seed in it are ignored: see `limits` and `seed`."""
    stops: Sequence[str] = ()
    limits: Limits
    ledger: Ledger
    seed: int | None = None
    request_id: str
    adapter: str | None = None
    grammar: Grammar | None = None
    """What the answer must match; attached to the call that begins the answer."""
    forced_call: ForcedCall | None = None
    may_think: bool = True
    """Whether the model can still open thinking after the prompt."""
    with_tools: bool = False
    max_calls: int | None = None
    max_edits: int = 64
    streamed: bool = True
    """Whether somebody looks at tokens before the end."""


def thinking_opener(format: ChatFormat) -> int | None:
    """The token that opens thinking and nothing else, so that it can be forbidden; gpt-oss has none of its own."""
    if not format.think_open_ids:
        return None
    tracker = format.tracker(())
    tracker.see(format.think_open_ids[0])
    return format.think_open_ids[0] if tracker.channel is Channel.THINK and not tracker.busy else None


class Loop:
    """Decodes one trajectory. `run` yields the number of committed tokens whenever it has grown."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self.trajectory = Trajectory(setup.prompt_ids)
        self._panel = Panel(setup.controllers, self.trajectory)
        self._scanner = Scanner(self.trajectory, setup.format, self._panel.watches, setup.stops, setup.with_tools)
        seed = derived_seed(setup.request_id) if setup.seed is None else setup.seed
        self._view = TrajectoryView(self.trajectory, setup.format, setup.messages, setup.ledger, self._scanner, seed)
        self._answer = AnswerPhase(setup.grammar, setup.forced_call)
        self._committed = 0
        self._calls = 0
        self._edits = 0
        self._closed_by_limit = False
        self._native = NativeBudget(self._panel.watches, setup.format, setup.engine.abilities, setup.prompt_ids)
        self._end: Finished | None = None
        self._limited = any(setup.ledger.remaining(item) != float("inf") for item in (TOKENS, USD, SECONDS))
        self.cached_tokens = 0

    # -- the trajectory --------------------------------------------------------------------------------------------

    async def run(self) -> AsyncGenerator[int]:
        """Decode to the end; `trajectory.finished` is set then. Errors: those of the engine, and ControllerError."""
        try:
            self._begin()
            while self.trajectory.finished is None:
                if self._end is not None:
                    await self._settle(self._end)
                elif (request := self._next_request()) is not None:
                    async with aclosing(self._call(request)) as commits:
                        async for committed in commits:
                            yield committed
        finally:
            await self._panel.verdicts.cancel()

    def _begin(self) -> None:
        scanner, setup = self._scanner, self._setup
        if self._answer.wanted and setup.may_think and scanner.channel is not Channel.THINK:
            scanner.inject(setup.format.think_open_ids)
        at = len(self.trajectory.ids)
        self._ask(Boundary(BoundaryKind.START, at, at))
        for watch in self._panel.watches:
            if isinstance(watch, TokenWatch) and watch.n == 0 and scanner.channel is watch.channel:
                at = len(self.trajectory.ids)
                self._ask(Boundary(BoundaryKind.TOKENS, at, at, watch))

    def _ask(self, boundary: Boundary) -> bool:
        """Ask the controllers; whether the context changed, so that the engine call must end."""
        if self._answer.fixed:
            return False
        return self._apply(self._panel.ask(boundary, self._view))

    # -- edits -----------------------------------------------------------------------------------------------------

    def _apply(self, resolution: Resolution | None) -> bool:
        if resolution is None:
            return False
        if self._edits >= self._setup.max_edits:
            self._note(f"the limit of {self._setup.max_edits} edits was met; later ones are ignored")
            return False
        trajectory, before = self.trajectory, len(self.trajectory.ids)
        if resolution.position < max(self._committed, trajectory.replaced_until):
            raise ControllerError(f"an edit at {resolution.position} reaches behind what is committed")
        self._edits += 1
        trajectory.drop(resolution.position, "edit")
        if len(trajectory.ids) < before:
            self._scanner.rewind()
        changed = len(trajectory.ids) < before
        for edit in resolution.edits:
            changed = self._do(edit) or changed
        return changed

    def _do(self, edit: Edit) -> bool:
        match edit:
            case Inject():
                return self._inject(self._setup.format.encode(edit.text))
            case FinishThinking():
                return self._finish_thinking(edit.phrase, edit.limit)
            case Finish():
                self._end_here(edit.reason, "controller")
            case ReplaceContext():
                self.trajectory.replace_context(edit.ids, "controller")
        return True

    def _inject(self, ids: Sequence[int]) -> bool:
        """Keep ids that somebody wrote; not when nothing could follow them inside the context."""
        room = self._setup.limits.context_length - self.trajectory.context_tokens()
        if len(ids) >= room:
            self._note("no room is left in the context for an injection")
            return False
        self._scanner.inject(ids)
        return True

    def _finish_thinking(self, phrase: str | None, limit: bool) -> bool:
        format = self._setup.format
        if self._scanner.channel is not Channel.THINK:
            return False
        self._closed_by_limit = self._closed_by_limit or limit
        if phrase is None and format.think_end_id is not None:
            return self._inject([format.think_end_id])
        return self._inject(format.close_thinking(phrase or ""))

    def _end_here(
        self, reason: FinishReason, by: str, stop: str | None = None, answer_chars: int | None = None
    ) -> None:
        """This is the end, unless a verdict that is still open edits at an earlier position."""
        self._end = Finished(
            position=len(self.trajectory.ids), reason=reason, by=by, stop=stop, answer_chars=answer_chars
        )

    def _note(self, text: str) -> None:
        note = Noted(position=len(self.trajectory.ids), by="loop", text=text)
        if not any(isinstance(event, Noted) and event.text == text for event in self.trajectory.log):
            self.trajectory.note(note)

    # -- engine calls ----------------------------------------------------------------------------------------------

    def _allowance(self) -> Allowance:
        """What the next call may sample. A call that may open thinking keeps the answer's room, too."""
        setup, thinking = self._setup, self._scanner.channel is Channel.THINK
        may_open = setup.format.thinks and setup.may_think and self.trajectory.sampled == 0
        allowed = allowance(self.trajectory, setup.limits, setup.ledger, thinking or may_open)
        if allowed.tokens <= 0 and not thinking:
            allowed = allowance(self.trajectory, setup.limits, setup.ledger, False)
        return allowed

    def _next_request(self) -> EngineRequest | None:
        """The next engine call; None when a limit is met first."""
        if (spent := self._native.take()) is not None:
            self._ask(spent)
        if self._answer.due(self._scanner.channel):
            self._answer.begin(self._scanner, self._setup.format)
        allowed = self._allowance()
        if self._setup.ledger.remaining(SECONDS) <= 0:
            allowed = Allowance(0, "budget.seconds")
        if allowed.tokens <= 0:
            self._limit_met(allowed)
            return None
        position, number = len(self.trajectory.ids), self._calls
        budget = self._native.budget(number == 0 and position == 0)
        self._calls += 1
        seed = self._setup.seed
        if seed is not None and number > 0:
            seed = derived_seed(seed, position, number)
        self.trajectory.note(Called(position=position, call=number, seed=seed))
        self._setup.ledger.charge(USD, self._setup.limits.price.usd(self.trajectory.context_tokens(), 0))
        return EngineRequest(
            request_id=f"{self._setup.request_id}-{number}",
            ids=self.trajectory.context(),
            sampling=self._sampling(min(allowed.tokens, self._certain_end()), seed),
            adapter=self._setup.adapter,
            priority=-1 if number else 0,
            thinking_budget=budget,
            whole=self._whole(),
        )

    def _whole(self) -> bool:
        """Whether nothing needs a token before the call has ended."""
        setup = self._setup
        watched = setup.streamed or setup.stops or setup.max_calls is not None or self._panel.watches
        return not watched and not self._limited

    def _limit_met(self, allowed: Allowance) -> None:
        """With thinking open and only the answer's room left, close the thinking; else the end."""
        if allowed.by == "answer_room" and not self._closed_by_limit:
            self._note("thinking was closed to keep the answer's room in the context")
            if self._finish_thinking("", limit=True):
                return
        self._end_here(FinishReason.LENGTH, allowed.by)

    def _certain_end(self) -> int:
        """Tokens until a controller will edit for certain: the engine may stop there by itself."""
        lefts = [
            int(counter.left())
            for counter in self._scanner.counters
            if counter.watch.certain
            and counter.left() != float("inf")
            and self._counts_next(counter.watch)
            and not self._native.covers(counter.watch)
        ]
        return min(lefts, default=1 << 40)

    def _counts_next(self, watch: TokenWatch) -> bool:
        return watch.n > 0 and (watch.channel is None or watch.channel is self._scanner.channel)

    def _sampling(self, max_tokens: int, seed: int | None) -> Sampling:
        base, format = self._setup.sampling, self._setup.format
        changes: dict[str, Any] = {
            "max_tokens": max_tokens,
            "min_tokens": max(0, min(max_tokens, self._setup.limits.min_tokens - self.trajectory.sampled)),
            "seed": seed,
        }
        if wanted := self._wanted_logprobs():  # an engine reports these or the likeliest, not both
            changes |= {"logprob_ids": wanted, "logprobs": None}
        if self._closed_by_limit and (opener := thinking_opener(format)) is not None:
            changes["logit_bias"] = {**(base.logit_bias or {}), opener: -100.0}
        if self._answer.waits and format.think_end_id is not None:
            changes["stop_ids"] = (*base.stop_ids, format.think_end_id)
        if self._answer.fixed:
            changes["grammar"] = self._answer.grammar
        return msgspec.structs.replace(base, **changes)

    def _wanted_logprobs(self) -> tuple[int, ...]:
        wanted = [
            counter.watch.logprob_ids
            for counter in self._scanner.counters
            if counter.count < counter.watch.n and self._counts_next(counter.watch)
        ]
        return tuple(dict.fromkeys(token for ids in wanted for token in ids))

    async def _call(self, request: EngineRequest) -> AsyncGenerator[int]:
        """One engine call, until it ends or an edit ends it."""
        asked = request.sampling.max_tokens
        stream = pull(self._setup.engine.generate(request), self._panel.verdicts, self._deadline(), self._lost)
        async with aclosing(stream):
            try:
                async for delta in stream:
                    if delta is None:
                        if self._hear():
                            return
                    else:
                        asked -= len(delta.ids)
                        if self._take(delta):
                            return
                        if delta.finish is not None:
                            await self._call_ended(delta, asked)
                            return
                    if (committed := self._horizon()) > self._committed:
                        self._committed = committed
                        yield committed
            except OutOfTime:
                self._end_here(FinishReason.LENGTH, "budget.seconds")
                return
        raise EngineError("the engine's stream ended without a finish reason")

    def _deadline(self) -> float | None:
        left = self._setup.ledger.remaining(SECONDS)
        return None if left == float("inf") else asyncio.get_running_loop().time() + left

    def _lost(self, delta: Delta) -> None:
        """Tokens that had arrived when an edit ended their call."""
        self._charge(len(delta.ids))
        self.trajectory.overshoot(delta.ids)

    def _charge(self, tokens: int) -> None:
        ledger = self._setup.ledger
        ledger.charge(TOKENS, tokens)
        if self._setup.limits.price.output:
            ledger.charge(USD, self._setup.limits.price.usd(0, tokens))

    def _take(self, delta: Delta) -> bool:
        """Keep what arrived; whether the call must end now."""
        ids, scanner = delta.ids, self._scanner
        if delta.cached_tokens:
            self._note_cached(delta.cached_tokens)
        if ids:
            self._charge(len(ids))
            if not self._native.waits and scanner.plain(ids):
                scanner.take_plain(ids, delta.logprobs, delta.weight_version)
            elif self._take_each(delta):
                return True
        if self._limited and (item := self._setup.ledger.exhausted()) is not None and delta.finish is None:
            self._end_here(FinishReason.LENGTH, f"budget.{item}")
            return True
        return False

    def _note_cached(self, cached: int) -> None:
        """The engine says how much of the prompt it held: reported for the first call, cheaper in every one."""
        if self._calls == 1:
            self.cached_tokens = cached
        price = self._setup.limits.price
        self._setup.ledger.charge(USD, price.usd(cached, 0, cached) - price.usd(cached, 0))

    def _take_each(self, delta: Delta) -> bool:
        for index, token in enumerate(delta.ids):
            if self._native.waits:
                if not self._closed_natively(token):
                    self.trajectory.overshoot(delta.ids[index:])
                    return True
                continue
            logprob = delta.logprobs[index] if delta.logprobs is not None else None
            for boundary in self._scanner.take(token, logprob, delta.weight_version):
                if self._native.reached(boundary):
                    continue
                if self._ask(boundary) or self._calls_are_enough(boundary):
                    self.trajectory.overshoot(delta.ids[index + 1 :])
                    return True
            if self._reopened(token):
                self.trajectory.overshoot(delta.ids[index + 1 :])
                return True
            if self._scanner.stop is not None:
                self._end_here(FinishReason.STOP, "stop", *self._scanner.stop)
                self.trajectory.overshoot(delta.ids[index + 1 :])
                return True
        return False

    def _closed_natively(self, token: int) -> bool:
        """The token after a spent budget: False when the call must end, because the engine did not write the marker."""
        boundary = self._native.take()
        assert boundary is not None
        if not self._native.is_close(token):
            return not self._ask(boundary)
        resolution = self._panel.ask(boundary, self._view)
        if resolution is None or resolution.edits != (FinishThinking(None),):
            return not self._apply(resolution)
        self._edits += 1
        self._closed_by_limit = True
        self._scanner.inject([token])
        return True

    def _reopened(self, token: int) -> bool:
        """The model opened thinking again that a limit had closed: the token is taken back, and forbidden from now on."""
        if not self._closed_by_limit or token != thinking_opener(self._setup.format):
            return False
        self.trajectory.drop(len(self.trajectory.ids) - 1, "thinking stays closed")
        self._scanner.rewind()
        return True

    def _calls_are_enough(self, boundary: Boundary) -> bool:
        if boundary.kind is not BoundaryKind.CALL_CLOSED or self._setup.max_calls is None:
            return False
        in_call = [run.channel is Channel.CALL and not run.marker for run in self.trajectory.runs]
        closed = sum(1 for before, now in pairwise([False, *in_call]) if now and not before)
        if closed < self._setup.max_calls:
            return False
        self._end_here(FinishReason.STOP, "parallel_tool_calls")
        return True

    async def _call_ended(self, delta: Delta, unused: int) -> None:
        """The engine ended the call by itself."""
        if delta.finish == "abort":
            raise EngineError("the engine aborted the call")
        if delta.finish == "length":
            if unused > 0:
                self._end_here(FinishReason.LENGTH, "engine")
            return
        if delta.stop_id is not None and delta.stop_id == self._setup.format.think_end_id and self._answer.waits:
            return
        if self._answer.end_of_turn(self._scanner, self.trajectory, self._setup.format):
            return
        self._turn_ended()

    def _turn_ended(self) -> None:
        ids = self.trajectory.ids
        ends_marked = bool(ids) and ids[-1] in self._setup.format.eos_ids
        position = len(ids) - ends_marked
        if not self._ask(Boundary(BoundaryKind.ANSWER_END, position, len(ids))):
            self._end_here(FinishReason.STOP, "model")

    # -- verdicts and the end --------------------------------------------------------------------------------------

    def _hear(self) -> bool:
        """Act on the verdicts that are there; whether the context changed."""
        return any(self._apply(self._panel.hear(verdict, self._view)) for verdict in self._panel.verdicts.take_ready())

    async def _settle(self, end: Finished) -> None:
        """At an end: wait for open verdicts, up to their deadlines; unless one of them edits, this was the end."""
        verdicts = self._panel.verdicts
        while verdicts and not end.by.startswith("budget."):
            await asyncio.wait(verdicts.tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._hear():
                if self._end is end:
                    self._end = None
                return
        self.trajectory.note(end)

    def _horizon(self) -> int:
        """How many tokens nothing can reach any more."""
        if self._panel.holds_all:
            return 0
        ids = self.trajectory.ids
        horizon = self._panel.verdicts.earliest(self._scanner.held)
        if ids and ids[-1] in self._setup.format.eos_ids:
            horizon = min(horizon, len(ids) - 1)
        return horizon
