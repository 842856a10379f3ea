"""Where controllers are asked and their verdicts heard; what they decide happens at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from ..core.ledger import SECONDS, Ledger
from ..core.trajectory import Trajectory
from ..tools.result import Result, Status
from .answer_phase import AnswerPhase
from .asking import Panel
from .boundary import Boundary, BoundaryKind
from .controller import FailedCall
from .editing import Editor
from .edits import Resolution
from .scanner import Scanner
from .tool_turn import ToolTurn
from .view import TrajectoryView


class Consulting:
    """The controllers of one trajectory, and the editor that does what they decide."""

    def __init__(
        self,
        panel: Panel,
        view: TrajectoryView,
        editor: Editor,
        trajectory: Trajectory,
        scanner: Scanner,
        answer: AnswerPhase,
        ledger: Ledger,
    ) -> None:
        self._panel, self._view, self._editor = panel, view, editor
        self._trajectory, self._scanner, self._answer, self._ledger = trajectory, scanner, answer, ledger

    def here(self, kind: BoundaryKind) -> Iterator[Boundary]:
        """The boundary behind everything that is kept, and those of the channel that is open there."""
        at = len(self._trajectory.ids)
        yield Boundary(kind, at, at)
        for counter in self._scanner.counters:
            if counter.watch.n == 0 and counter.watch.channel is self._scanner.channel:
                yield Boundary(BoundaryKind.TOKENS, at, at, counter.watch)

    def ask(self, *boundaries: Boundary) -> bool:
        """Ask the controllers at boundaries of one position; whether the engine call must end."""
        return self._editor.apply(self.resolution(*boundaries)) or self._editor.end is not None

    async def mended(self, turn: ToolTurn, results: Sequence[Result]) -> list[Result]:
        """The results, with what controllers have in place of those that failed by the model's doing."""
        mended = list(results)
        for number, (call, result) in enumerate(zip(turn.calls, results, strict=True)):
            if not result.ok and result.status is not Status.INFRA and number not in turn.refused:
                failed = FailedCall(call.name, str(call.arguments), turn.fenced, result)
                mended[number] = await self._panel.mended(failed, self._view) or result
        return mended

    def beside_results(self) -> str:
        """What controllers want to stand behind results that are about to be appended."""
        return self._panel.beside_results(self._view)

    def resolution(self, *boundaries: Boundary) -> Resolution | None:
        """What they decide, before it happens. An answer that is fixed is not edited."""
        return None if self._answer.fixed else self._panel.ask(boundaries, self._view, self._editor.possible)

    def hear(self) -> bool:
        """Act on the verdicts that are there; whether the context changed."""
        ready = self._panel.verdicts.take_ready()
        return self._editor.apply(self._panel.hear(ready, self._view, self._editor.possible))

    async def verdicts_in(self) -> bool:
        """Wait for open verdicts, up to their deadlines; False when one of them edits."""
        verdicts = self._panel.verdicts
        while verdicts:
            left = self._ledger.remaining(SECONDS)
            timeout = None if left == float("inf") else left
            done, _ = await asyncio.wait(verdicts.tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                self._editor.note("open verdicts were given up: the budget's seconds are spent")
                return True
            if self.hear():
                return False
        return True
