"""One stretch of an attempt: only the latest responses of tools are kept in its context, and it is so many rounds long."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.events import FinishReason, ToolAnswered
from ...core.trajectory import Run
from ..boundary import Boundary, BoundaryKind, Watch
from ..controller import BaseController, Ruling, View
from ..edits import Finish, ReplaceContext

LEFT_OUT = "[left out: only the latest response is kept]"


class Stretch(BaseController[None]):
    """Leaves earlier responses out of the context, and ends the trajectory behind the responses of round `rounds`."""

    watches = (Watch(BoundaryKind.RESULT_APPENDED),)

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds

    def at(self, state: None, boundary: Boundary, view: View) -> Ruling[None]:
        """Responses were appended."""
        results = view.trajectory.results()
        if len(results) >= self._rounds:
            return Ruling(state, (Finish(FinishReason.STOP),))
        if len(results) < 2:
            return Ruling(state)
        ids = without(*results[-2], view)
        return Ruling(state, () if ids is None else (ReplaceContext(tuple(ids)),))


def without(run: Run, end: int, view: View) -> list[int] | None:
    """The context without the texts of these responses; None where they are not in it, or cannot be told apart."""
    trajectory, size = view.trajectory, len(view.trajectory.ids)
    short = _shortened(view.text(run.start, end), trajectory.answers_at(run.start))
    if short is None:
        return None
    context, ids = trajectory.context(), view.format.encode(short)
    at = len(context) - (size - run.start)
    since = trajectory.context_start(size)
    if at < 0 or (since > run.start and context[at : at + end - run.start] != trajectory.ids[run.start : end]):
        return None
    return [*context[:at], *ids, *context[at + end - run.start :]]


def _shortened(text: str, answers: Sequence[ToolAnswered]) -> str | None:
    """The responses without what tools wrote: what is left is the family's own, so that its markers may be markers."""
    done = ""
    for answer in answers:
        before, found, text = text.partition(answer.text.rstrip("\n"))
        if not found:
            return None
        done += before + LEFT_OUT
    return done + text
