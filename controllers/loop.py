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
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ..core.engine import Delta, EngineRequest
from ..core.errors import EngineError
from ..core.events import Channel, Finished, FinishReason
from ..core.ledger import SECONDS
from ..core.trajectory import Trajectory
from .answer_phase import AnswerPhase
from .asking import Panel
from .bill import Bill
from .boundary import Boundary, BoundaryKind
from .consulting import Consulting
from .editing import Editor
from .intake import Intake
from .native_budget import NativeBudget
from .pulling import OutOfTime, pull
from .requesting import Requests
from .scanner import Scanner
from .seeds import derived_seed
from .setup import Setup
from .side_calls import TrajectorySideCalls
from .tool_phase import ToolPhase
from .tool_turn import ToolTurn
from .view import TrajectoryView


class Loop:
    """Decodes one trajectory. `run` yields the number of committed tokens whenever it has grown."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self.trajectory = trajectory = Trajectory(setup.prompt_ids)
        self._panel = Panel(setup.controllers, trajectory)
        watches, server = self._panel.watches, setup.server_tools
        fence = None if server is None or server.fenced is None else setup.format.fence
        self._scanner = scanner = Scanner(trajectory, setup.format, watches, setup.stops, setup.with_tools, fence)
        self._answer = answer = AnswerPhase(setup.grammar, setup.forced_call)
        self._native = native = NativeBudget(watches, setup.format, setup.engine.abilities, setup.prompt_ids)
        self._editor = editor = Editor(setup, trajectory, scanner, answer, native)
        self._tools = ToolPhase(server, setup, trajectory, scanner, editor) if server else None
        seed = derived_seed(setup.request_id) if setup.seed is None else setup.seed
        side = TrajectorySideCalls(trajectory, setup, derived_seed("side", seed))
        view = TrajectoryView(trajectory, setup, scanner, side, seed)
        bill = Bill(setup.ledger, setup.limits.price)
        self._consulting = Consulting(self._panel, view, editor, trajectory, scanner, answer, setup.ledger)
        self._requests = Requests(setup, trajectory, scanner, answer, editor, native, bill, bool(watches))
        self._intake = Intake(trajectory, scanner, editor, native, self._consulting, self._tools, bill, setup.max_calls)

    @property
    def cached_tokens(self) -> int:
        """Prompt tokens that the engine already held, in the first call."""
        return self._intake.cached_tokens

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
        self._consulting.ask(*self._consulting.here(BoundaryKind.START))

    # -- engine calls ----------------------------------------------------------------------------------------------

    def _next_request(self) -> EngineRequest | None:
        """The next engine call; None when a limit, or an edit at a spent thinking budget, comes first."""
        spent = self._native.take()
        if spent is not None and self._consulting.ask(spent) and self._editor.end is not None:
            return None
        first = self._requests.made == 0
        request = self._requests.next()
        self._intake.begin(first=first)
        return request

    async def _call(self, request: EngineRequest) -> AsyncGenerator[int]:
        """One engine call, until it ends or an edit ends it."""
        asked = request.sampling.max_tokens
        stream = pull(self._setup.engine.generate(request), self._panel.verdicts, self._deadline(), self._intake.lost)
        async with aclosing(stream):
            try:
                async for delta in stream:
                    if delta is None:
                        if self._consulting.hear() or self._editor.end is not None:
                            return
                    else:
                        asked -= len(delta.ids)
                        if self._intake.take(delta):
                            return
                        if delta.finish is not None:
                            self._call_ended(delta, asked)
                            return
                    if self._commit(self._horizon()):
                        yield self._editor.committed
            except OutOfTime:
                self._editor.end_here(FinishReason.LENGTH, "budget.seconds")
                return
        raise EngineError("the engine's stream ended without a finish reason")

    def _deadline(self) -> float | None:
        left = self._setup.ledger.remaining(SECONDS)
        return None if left == float("inf") else asyncio.get_running_loop().time() + left

    def _call_ended(self, delta: Delta, unused: int) -> None:
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
        if not self._consulting.ask(Boundary(BoundaryKind.ANSWER_END, position, len(ids))):
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
            if not await self._consulting.verdicts_in():
                self._editor.note("an edit took back a tool call")
                self._end_is_off(end)
                return
            if self._editor.end is not end:
                return
            self._tools.called(turn)
            if certain:
                self._commit(self._reachable(len(self.trajectory.ids)))
                yield self._editor.committed  # also where it has not grown: the call is news
            results = None if self._panel.verdicts else await turn.results(certain)
            if results is not None:
                results = await self._consulting.mended(turn, results)
        finally:
            await turn.cancel()
        if results is None:
            self._tools.given_up(turn)
            return
        self._tools.answered(turn, results, self._consulting.beside_results())
        if self._editor.end is None:
            self._answer.call_was_answered()
            self._consulting.ask(*self._consulting.here(BoundaryKind.RESULT_APPENDED))
            if self._commit(self._horizon()):
                yield self._editor.committed

    # -- the end, and what is certain by then ------------------------------------------------------------------------

    async def _settle(self, end: Finished) -> None:
        """At an end: unless an open verdict edits, this was it. A spent budget does not wait."""
        if end.by.startswith("budget.") or await self._consulting.verdicts_in():
            self.trajectory.note(end)
        else:
            self._end_is_off(end)

    def _end_is_off(self, end: Finished | None) -> None:
        """What ended is edited, and goes on; unless the edit is another end."""
        if self._editor.end is end:
            self._editor.end = None

    def _commit(self, tokens: int) -> bool:
        """Let nothing reach so many tokens any more; whether these are more than before."""
        grown = tokens > self._editor.committed
        self._editor.committed = max(tokens, self._editor.committed)
        return grown

    def _horizon(self) -> int:
        """How many tokens nothing can reach any more."""
        if self._panel.holds_all:
            return 0
        ids = self.trajectory.ids
        horizon = self._reachable(self._panel.verdicts.earliest(self._scanner.held))
        if ids and ids[-1] in self._setup.format.eos_ids:
            horizon = min(horizon, len(ids) - 1)
        return horizon

    def _reachable(self, tokens: int) -> int:
        """How many of so many tokens nobody can reach who goes back over calls: those up to the last results."""
        if not self._panel.holds_calls:
            return tokens
        return min(tokens, max((end for _, end in self.trajectory.results()), default=0))
