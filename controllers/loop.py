"""The decode loop: one trajectory from its prompt to its end, steered by controllers.

The nine rules (docs/lifecycle.md walks through them):

1. The prompt was rendered once; what is appended is tokenised alone and appended as ids.
2. The engine's stream goes through a scanner; at a boundary the watching controllers are asked in the request's order.
3. The earliest position wins: it voids edits decided at later positions and restores every controller's state at its
   position. At one position: a ledger stop, then the smallest truncation, finish, finish thinking, a replaced context,
   inject (several concatenate in order); an edit that comes late joins those that happened there. Injected tokens raise
   no boundaries, and must leave room in the context. Thinking that a limit closed stays closed. The number of edits is
   bounded (`Setup.max_edits`); past it only ends are left: of the trajectory, or of thinking by a limit.
4. A changed context closes the engine call and starts another from the new ids, with raised priority.
5. A token is committed, and may be streamed, once nothing can reach it: no open verdict, no match that is undecided, no
   controller that reaches the whole trajectory. At every end but the budget's open verdicts are awaited up to their
   deadlines.
6. The first call takes the trajectory's seed; a later one a hash of it, the position and the call's number.
7. Sampling parameters over a resumption: see `sampling.py` and docs/parameters.md.
8. `max_tokens` counts sampled kept tokens; what an edit drops was charged and is not kept.
9. Closing the generator closes the engine call and cancels verdicts and tools.

Tools of the server (`tool_phase.py`): calls are run when the model has ended its turn, fenced code when its fence has
closed; the results are appended, and decoding goes on. All calls of a turn run at once, but those with side effects
only when open verdicts have come: an edit at or before a call takes it back, and cancels it.

Legend: ids are token ids; positions count kept tokens after the prompt.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from itertools import groupby, pairwise

from ..core.engine import Delta, EngineRequest, Sampling, TokenLogprob
from ..core.errors import EngineError
from ..core.ledger import SECONDS, TOKENS, USD
from ..core.trajectory import Called, Channel, Finished, FinishReason, Origin, Trajectory
from .answer_phase import AnswerPhase
from .asking import Panel
from .boundary import Boundary, BoundaryKind
from .editing import Editor
from .edits import Resolution
from .limits import Allowance, allowance
from .native_budget import NativeBudget
from .pulling import OutOfTime, pull
from .sampling import call_sampling
from .scanner import Scanner
from .setup import Setup
from .tool_phase import ToolPhase
from .tool_turn import ToolTurn
from .view import TrajectoryView, derived_seed


class Loop:
    """Decodes one trajectory. `run` yields the number of committed tokens whenever it has grown."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self.trajectory = Trajectory(setup.prompt_ids)
        self._panel = Panel(setup.controllers, self.trajectory)
        server = setup.server_tools
        fence = None if server is None or server.fenced is None else setup.format.fence
        self._scanner = Scanner(
            self.trajectory, setup.format, self._panel.watches, setup.stops, setup.with_tools, fence
        )
        seed = derived_seed(setup.request_id) if setup.seed is None else setup.seed
        self._view = TrajectoryView(self.trajectory, setup.format, setup.messages, setup.ledger, self._scanner, seed)
        self._answer = AnswerPhase(setup.grammar, setup.forced_call)
        self._calls = 0
        self._native = NativeBudget(self._panel.watches, setup.format, setup.engine.abilities, setup.prompt_ids)
        self._editor = Editor(setup, self.trajectory, self._scanner, self._answer, self._native)
        self._tools = ToolPhase(server, setup, self.trajectory, self._scanner, self._editor) if server else None
        self._sampling_into = self._scanner.channel
        """The channel of what the engine is sampling, whatever an edit makes of it."""
        self.cached_tokens = 0

    # -- the trajectory --------------------------------------------------------------------------------------------

    async def run(self) -> AsyncGenerator[int]:
        """Decode to the end; `trajectory.finished` is set then. Errors: those of the engine, and ControllerError."""
        try:
            self._begin()
            while self.trajectory.finished is None:
                if (turn := self._due()) is not None:
                    steps = self._tool_turn(turn)
                elif self._editor.end is not None:
                    await self._settle(self._editor.end)
                    continue
                elif (request := self._next_request()) is not None:
                    steps = self._call(request)
                else:
                    continue
                async with aclosing(steps) as commits:
                    async for committed in commits:
                        yield committed
        finally:
            await self._panel.verdicts.cancel()

    def _begin(self) -> None:
        scanner, setup = self._scanner, self._setup
        if self._answer.wanted and setup.may_think and scanner.channel is not Channel.THINK:
            scanner.inject(setup.format.think_open_ids)
        if self._answer.due(scanner.channel):
            return  # the answer begins at once, and is not edited
        self._ask(*self._here(BoundaryKind.START))

    def _here(self, kind: BoundaryKind) -> Iterator[Boundary]:
        """The boundary behind everything that is kept, and those of the channel that is open there."""
        at, scanner = len(self.trajectory.ids), self._scanner
        yield Boundary(kind, at, at)
        for counter in scanner.counters:
            if counter.watch.n == 0 and counter.watch.channel is scanner.channel:
                yield Boundary(BoundaryKind.TOKENS, at, at, counter.watch)

    def _ask(self, *boundaries: Boundary) -> bool:
        """Ask the controllers at boundaries of one position; whether the engine call must end."""
        return self._editor.apply(self._resolution(*boundaries)) or self._editor.end is not None

    def _resolution(self, *boundaries: Boundary) -> Resolution | None:
        return None if self._answer.fixed else self._panel.ask(boundaries, self._view, self._editor.possible)

    # -- engine calls ----------------------------------------------------------------------------------------------

    def _allowance(self) -> Allowance:
        """What the next call may sample. A call that may open thinking keeps the answer's room, too."""
        setup, thinking = self._setup, self._scanner.channel is Channel.THINK
        may_open = setup.format.thinks and setup.may_think and not self._turn_begun()
        allowed = allowance(self.trajectory, setup.limits, setup.ledger, thinking or may_open)
        if allowed.tokens <= 0 and not thinking:
            allowed = allowance(self.trajectory, setup.limits, setup.ledger, False)
        return allowed

    def _turn_begun(self) -> bool:
        """Whether the model has sampled anything in its running turn."""
        if self.trajectory.environment == 0:
            return self.trajectory.sampled > 0
        return any(run.origin is Origin.SAMPLED for run, _ in self.trajectory.spans(self.trajectory.turn_start()))

    def _next_request(self) -> EngineRequest | None:
        """The next engine call; None when a limit is met first."""
        if (spent := self._native.take()) is not None and self._ask(spent) and self._editor.end is not None:
            return None
        if self._answer.due(self._scanner.channel):
            self._answer.begin(self._scanner, self.trajectory, self._setup.format)
        allowed = self._allowance()
        if self._setup.ledger.remaining(SECONDS) <= 0:
            allowed = Allowance(0, "budget.seconds")
        if allowed.tokens <= 0:
            self._limit_met(allowed)
            return None
        position, number = len(self.trajectory.ids), self._calls
        self._sampling_into = self._scanner.channel
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
            sampling=self._sampling(allowed.tokens, seed),
            adapter=self._setup.adapter,
            priority=-1 if number else 0,
            thinking_budget=budget,
            whole=self._whole(),
        )

    def _whole(self) -> bool:
        """Whether nothing needs a token before the call has ended."""
        setup = self._setup
        watched = setup.streamed or setup.stops or setup.max_calls is not None or self._panel.watches
        return not watched and not self._editor.limited and self._scanner.fences is None

    def _limit_met(self, allowed: Allowance) -> None:
        """With thinking open and only the answer's room left, close the thinking; else the end."""
        if allowed.by != "answer_room" or not self._editor.keep_answer_room():
            self._editor.end_here(FinishReason.LENGTH, allowed.by)

    def _sampling(self, allowed: int, seed: int | None) -> Sampling:
        forbidden = self._editor.forbidden
        return call_sampling(self._setup, self.trajectory, self._scanner, self._answer, allowed, seed, forbidden)

    async def _call(self, request: EngineRequest) -> AsyncGenerator[int]:
        """One engine call, until it ends or an edit ends it."""
        asked = request.sampling.max_tokens
        stream = pull(self._setup.engine.generate(request), self._panel.verdicts, self._deadline(), self._lost)
        async with aclosing(stream):
            try:
                async for delta in stream:
                    if delta is None:
                        if self._hear() or self._editor.end is not None:
                            return
                    else:
                        asked -= len(delta.ids)
                        if self._take(delta):
                            return
                        if delta.finish is not None:
                            await self._call_ended(delta, asked)
                            return
                    if (committed := self._horizon()) > self._editor.committed:
                        self._editor.committed = committed
                        yield committed
            except OutOfTime:
                self._editor.end_here(FinishReason.LENGTH, "budget.seconds")
                return
        raise EngineError("the engine's stream ended without a finish reason")

    def _deadline(self) -> float | None:
        left = self._setup.ledger.remaining(SECONDS)
        return None if left == float("inf") else asyncio.get_running_loop().time() + left

    def _lost(self, delta: Delta) -> None:
        """Tokens that had arrived when an edit ended their call."""
        self._charge(len(delta.ids))
        self.trajectory.overshoot(delta.ids, self._sampling_into)

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
        self._sampling_into = scanner.channel
        return delta.finish is None and self._editor.ledger_stops()

    def _note_cached(self, cached: int) -> None:
        """The engine says how much of the prompt it held: reported for the first call, cheaper in every one."""
        if self._calls == 1:
            self.cached_tokens = cached
        price = self._setup.limits.price
        self._setup.ledger.charge(USD, price.usd(cached, 0, cached) - price.usd(cached, 0))

    def _take_each(self, delta: Delta) -> bool:
        for index, token in enumerate(delta.ids):
            self._sampling_into = self._scanner.channel
            if (spent := self._native.take()) is not None:
                resolution = self._resolution(spent)
                if self._editor.closed_by_engine(token, resolution):
                    continue
                if self._editor.apply(resolution) or self._editor.end is not None:
                    self.trajectory.overshoot(delta.ids[index:], self._sampling_into)
                    return True
            logprob = delta.logprobs[index] if delta.logprobs is not None else None
            if self._take_one(token, logprob, delta.weight_version):
                self.trajectory.overshoot(delta.ids[index + 1 :], self._sampling_into)
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
            if here and (self._ask(*here) or self._calls_are_enough(here)):
                return True
        return self._fence_closed()

    def _fence_closed(self) -> bool:
        """Whether code is due; a thinking budget that the same token has spent goes first."""
        if self._tools is None or not self._tools.fence_closed():
            return False
        if (spent := self._native.take()) is not None and self._ask(spent):
            self._tools.forget()
        return True

    def _calls_are_enough(self, boundaries: Sequence[Boundary]) -> bool:
        closed_one = any(boundary.kind is BoundaryKind.CALL_CLOSED for boundary in boundaries)
        if not closed_one or self._setup.max_calls is None:
            return False
        turn = self.trajectory.spans(self.trajectory.turn_start())
        in_call = [run.channel is Channel.CALL and not run.marker for run, _ in turn]
        closed = sum(1 for before, now in pairwise([False, *in_call]) if now and not before)
        if closed < self._setup.max_calls:
            return False
        self._editor.end_here(FinishReason.STOP, "parallel_tool_calls")
        return True

    async def _call_ended(self, delta: Delta, unused: int) -> None:
        """The engine ended the call by itself."""
        if delta.finish == "abort":
            raise EngineError("the engine aborted the call")
        if delta.finish == "length":
            if unused > 0:
                self._editor.end_here(FinishReason.LENGTH, "engine")
            return
        if delta.stop_id is not None and delta.stop_id == self._setup.format.think_end_id and self._answer.waits:
            return
        if self._tools is not None and self._tools.fence_ended_turn():
            return
        if self._answer.end_of_turn(self._scanner, self.trajectory, self._setup.format):
            return
        self._turn_ended()

    def _turn_ended(self) -> None:
        ids = self.trajectory.ids
        ends_marked = bool(ids) and ids[-1] in self._setup.format.eos_ids
        position = len(ids) - ends_marked
        if not self._ask(Boundary(BoundaryKind.ANSWER_END, position, len(ids))):
            self._editor.end_here(FinishReason.STOP, "model")

    # -- tools of the server -----------------------------------------------------------------------------------------

    def _due(self) -> ToolTurn | None:
        return None if self._tools is None else self._tools.due(self._editor.end)

    async def _tool_turn(self, turn: ToolTurn) -> AsyncGenerator[int]:
        """Run the calls of a turn and append their results, unless a verdict takes the calls back."""
        assert self._tools is not None
        end, certain = self._editor.end, not self._panel.holds_all
        turn.start(self._tools.context(asyncio.get_running_loop().time()))
        try:
            if not await self._verdicts_in():
                self._editor.note("an edit took back a tool call")
                self._end_is_off(end)
                return
            if self._editor.end is not end:
                return
            self._tools.called(turn)
            if certain:
                self._editor.committed = len(self.trajectory.ids)
                yield self._editor.committed
            results = None if self._panel.verdicts else await turn.results(certain)
        finally:
            await turn.cancel()
        if results is None:
            self._tools.given_up(turn)
            return
        self._tools.answered(turn, results)
        if self._editor.end is None:
            self._answer.call_was_answered()
            self._ask(*self._here(BoundaryKind.RESULT_APPENDED))
            if (committed := self._horizon()) > self._editor.committed:
                self._editor.committed = committed
                yield committed

    # -- verdicts and the end --------------------------------------------------------------------------------------

    def _hear(self) -> bool:
        """Act on the verdicts that are there; whether the context changed."""
        ready = self._panel.verdicts.take_ready()
        return self._editor.apply(self._panel.hear(ready, self._view, self._editor.possible))

    async def _verdicts_in(self) -> bool:
        """Wait for open verdicts, up to their deadlines; False when one of them edits."""
        verdicts = self._panel.verdicts
        while verdicts:
            left = self._setup.ledger.remaining(SECONDS)
            timeout = None if left == float("inf") else left
            done, _ = await asyncio.wait(verdicts.tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                self._editor.note("open verdicts were given up: the budget's seconds are spent")
                return True
            if self._hear():
                return False
        return True

    async def _settle(self, end: Finished) -> None:
        """At an end: unless an open verdict edits, this was it. A spent budget does not wait."""
        if end.by.startswith("budget.") or await self._verdicts_in():
            self.trajectory.note(end)
        else:
            self._end_is_off(end)

    def _end_is_off(self, end: Finished | None) -> None:
        """What ended is edited, and goes on; unless the edit is another end."""
        if self._editor.end is end:
            self._editor.end = None

    def _horizon(self) -> int:
        """How many tokens nothing can reach any more."""
        if self._panel.holds_all:
            return 0
        ids = self.trajectory.ids
        horizon = self._panel.verdicts.earliest(self._scanner.held)
        if ids and ids[-1] in self._setup.format.eos_ids:
            horizon = min(horizon, len(ids) - 1)
        return horizon
