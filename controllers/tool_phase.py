"""Between two turns of the model: which calls the server has to run, and how their results are written.

Template calls are run when the model has ended its turn, and their results begin a new turn. Fenced code is run where
its fence closes in the thinking, which goes on behind the output. Legend: positions count kept tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..core.chat_format import Answer, Thinking
from ..core.decision import Decision
from ..core.events import Channel, Decided, Finished, FinishReason, ToolAnswered, ToolCalled
from ..core.ledger import SECONDS
from ..core.trajectory import Trajectory
from ..tools.dispatch import Call, Dispatcher
from ..tools.result import Result, Status
from ..tools.tool import CallContext
from .editing import Editor
from .fitting import fitted
from .scanner import Scanner
from .server_tools import ServerTools
from .setup import Setup
from .tool_turn import ToolTurn
from .turn import fenced_arguments, read_turn

_TURN_ENDS = ("model", "parallel_tool_calls")
_NO_ROOM = "[The result was left out: there is no room for it.]"


class ToolPhase:
    """The server's tools of one trajectory."""

    def __init__(
        self, server: ServerTools, setup: Setup, trajectory: Trajectory, scanner: Scanner, editor: Editor
    ) -> None:
        self._server, self._setup, self._trajectory = server, setup, trajectory
        self._scanner, self._editor = scanner, editor
        self._dispatcher = Dispatcher(server.tools)
        self._asked = 0
        """Calls whose answers the dispatcher may remember."""
        self._contexts = 0
        """How often the context had been replaced then."""
        self._rounds = 0
        """How often results were appended; those that an edit took back count, too."""
        self._made = 0
        """Calls that were answered, in the same way."""
        self._code: str | None = None
        for decision in server.decisions:
            self._decided(decision)

    # -- which calls there are -------------------------------------------------------------------------------------

    def fence_closed(self) -> bool:
        """Whether the last token closed a fence; its code is due then."""
        if self._scanner.fences is not None and (code := self._scanner.fences.take()) is not None:
            self._code = code
        return self._code is not None

    def fence_ended_turn(self) -> bool:
        """Whether the model ended its turn where only a line break was missing to close a fence: it goes on thinking."""
        fences, ids = self._scanner.fences, self._trajectory.ids
        code = None if fences is None else fences.take_at_end()
        if code is None or self._scanner.channel is not Channel.THINK:
            return False
        if ids[-1] in self._setup.format.eos_ids:
            self._trajectory.drop(len(ids) - 1, "format")
            self._scanner.rewind()
        self._scanner.inject(self._setup.format.encode("\n"))
        self._code = code
        return True

    def forget(self) -> None:
        """An edit came between: code that was about to run is not."""
        self._code = None

    def due(self, end: Finished | None) -> ToolTurn | None:
        """The calls to run now; None when there are none. May decide the end: after too many rounds."""
        if self._code is not None:
            code, self._code = self._code, None
            return self._fenced_turn(code)
        if end is None or end.reason is not FinishReason.STOP or end.by not in _TURN_ENDS:
            return None
        return self._template_turn()

    def _fenced_turn(self, code: str) -> ToolTurn:
        assert self._server.fenced is not None
        return self._turn([(self._server.fenced, fenced_arguments(code))], fenced=True, mixed=False)

    def _template_turn(self) -> ToolTurn | None:
        trajectory, server = self._trajectory, self._server
        end = len(trajectory.ids)
        if trajectory.answers_at(end):
            return None  # the client's turn
        turn = read_turn(trajectory, self._setup.format, trajectory.turn_start(), end, server.runs)
        ours = [(call.name, call.arguments) for call in turn.calls if server.runs(call.name)]
        if not ours:
            return None
        if self._rounds > server.max_rounds:
            self._editor.end_here(FinishReason.LENGTH, "tool_rounds")
            return None
        return self._turn(ours, fenced=False, mixed=len(ours) < len(turn.calls))

    def _turn(self, calls: Sequence[tuple[str, str]], *, fenced: bool, mixed: bool) -> ToolTurn:
        at = f"{self._setup.request_id.removeprefix('chatcmpl-')}_{len(self._trajectory.ids)}"
        named = [Call(f"call_{at}_{n}", name, arguments or "{}") for n, (name, arguments) in enumerate(calls)]
        turn = ToolTurn(named, self._server, self._remembering(len(named)), fenced=fenced, mixed=mixed)
        if self._rounds >= self._server.max_rounds:
            turn.refuse(
                f"The limit of {self._server.max_rounds} rounds of tool calls is met. Answer with what you have."
            )
            self._scanner.ignore_fences()
        elif (limit := self._server.call_limit) is not None:
            left = max(0, limit - self._made)
            turn.refuse(f"The limit of {limit} tool calls is met. Answer with what you have.", left)
            if left == 0:
                self._scanner.ignore_fences()
        return turn

    def _remembering(self, more: int) -> Dispatcher:
        """The dispatcher for so many calls more. It remembers nothing once an edit took back calls or replaced the context.

        Else the model would be told that it made a call which its context does not hold.
        """
        kept = sum(isinstance(event, ToolAnswered) for event in self._trajectory.tool_events)
        if kept < self._asked or self._trajectory.replacements != self._contexts:
            self._dispatcher = Dispatcher(self._server.tools)
        self._contexts = self._trajectory.replacements
        self._asked = kept + more
        return self._dispatcher

    def context(self, now: float) -> CallContext:
        """On whose behalf calls are made; `now` is the event loop's time."""
        ledger = self._setup.ledger
        deadline = now + ledger.remaining(SECONDS)
        return CallContext(
            self._setup.session,
            ledger=ledger,
            deadline=deadline,
            on_decision=self._decided,
            tools=self._server.tools.keys(),
        )

    def _decided(self, decision: Decision) -> None:
        """A choice of tools, made at the position where the trajectory is now."""
        position = len(self._trajectory.ids)
        self._trajectory.note(Decided(position=position, decision=msgspec.structs.replace(decision, position=position)))

    # -- what is kept of them --------------------------------------------------------------------------------------

    def called(self, turn: ToolTurn) -> None:
        """Nothing that is waited for can take the calls back: note them."""
        position = len(self._trajectory.ids)
        for call in turn.calls:
            self._trajectory.note(
                ToolCalled(
                    position=position, id=call.id, name=call.name, arguments=str(call.arguments), fenced=turn.fenced
                )
            )

    def answered(self, turn: ToolTurn, results: Sequence[Result], beside: str = "") -> None:
        """Write the results behind the turn, and `beside` behind the last of them, which is never cut.

        Not where the client has results of its own to send first.
        """
        if not turn.mixed and not turn.fenced:
            self._end_turn()
        room = self._room() // (2 if turn.mixed else 1)  # the client's results need room, too
        written = fitted(
            lambda texts: self._written(turn, texts, beside), [_text_of(result) for result in results], room
        )
        if written is None:
            self._editor.note("no room is left in the context for a tool's result")
            beside, written = "", ([_NO_ROOM] * len(results), [])
        texts, ids = written
        self._note_answers(turn, results, texts if turn.fenced else _with_beside(texts, beside))
        self._made += len(turn.calls)
        if turn.mixed:
            return
        self._rounds += 1
        if ids:
            self._editor.end = None
            self._scanner.append_results(ids)
        else:
            self._editor.end_here(FinishReason.LENGTH, "context")

    def given_up(self, turn: ToolTurn) -> None:
        """The budget's seconds were spent before the results came."""
        late = Result(Status.TIMEOUT, "It was given up: the budget's seconds are spent.")
        self._note_answers(turn, [late] * len(turn.calls), [late.text] * len(turn.calls))
        self._editor.end_here(FinishReason.LENGTH, "budget.seconds")

    def _note_answers(self, turn: ToolTurn, results: Sequence[Result], texts: Sequence[str]) -> None:
        position = len(self._trajectory.ids)
        for number, (call, result, text) in enumerate(zip(turn.calls, results, texts, strict=True)):
            self._trajectory.note(
                ToolAnswered(
                    position=position,
                    id=call.id,
                    name=call.name,
                    status=result.status,
                    text=text,
                    seconds=round(result.usage.seconds, 6),
                    fenced=turn.fenced,
                    refused=number in turn.refused,
                )
            )

    def _end_turn(self) -> None:
        ids, format = self._trajectory.ids, self._setup.format
        if not ids or ids[-1] not in format.eos_ids:
            self._scanner.inject(format.encode(format.call_turn_end))

    def _room(self) -> int:
        limits = self._setup.limits
        return limits.context_length - self._trajectory.context_tokens() - limits.answer_room - limits.close_tokens

    def _written(self, turn: ToolTurn, texts: Sequence[str], beside: str) -> list[int]:
        setup = self._setup
        if turn.fenced:
            assert setup.format.fence is not None
            output = setup.format.fence.output.replace("{}", texts[0].rstrip("\n"))
            return setup.format.encode_foreign(f"{output}{beside}\n" if beside else output)
        written = zip(turn.calls, _with_beside(texts, beside), strict=True)
        answers = [Answer(call.id, call.name, str(call.arguments), text) for call, text in written]
        return setup.format.render_results(answers, self._thinking(), setup.template_args)

    def _thinking(self) -> Thinking:
        """How the next turn thinks: not at all once a limit has closed the thinking."""
        if self._setup.format.thinks and self._editor.thinking_closed:
            return Thinking.OFF
        asked = self._setup.thinking
        return Thinking.DEFAULT if asked is Thinking.AUTO else asked


def _with_beside(texts: Sequence[str], beside: str) -> list[str]:
    """The texts, with what stands beside them inside of the last one."""
    return [*texts[:-1], f"{texts[-1]}\n{beside}"] if beside else list(texts)


def _text_of(result: Result) -> str:
    """What is written of a result. Halves of surrogate pairs, which no body can carry, are replaced."""
    text, pictures = result.text.encode(errors="replace").decode(), len(result.images)
    return text if not pictures else f"{text}\n[{pictures} picture(s), not shown]".lstrip("\n")
