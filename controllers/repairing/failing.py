"""Whether the calls whose results were just appended have failed."""

from __future__ import annotations

from ...core.events import ToolAnswered
from ...core.ledger import tool_calls
from ...tools.result import Status
from ..controller import View

_FAILED = frozenset({Status.USER_ERROR, Status.TIMEOUT, Status.OOM})
"""By the model's doing; a call that failed without its fault would fail again."""


def failed_here(view: View, position: int) -> list[ToolAnswered]:
    """The answers that end at this position, if every one of them is a failure that another try could mend.

    A call that a limit refuses would be refused again.
    """
    results = view.trajectory.results()
    if not results or results[-1][1] != position:
        return []
    answers = view.trajectory.answers_at(results[-1][0].start)
    return answers if all(_can_be_mended(answer, view) for answer in answers) else []


def _can_be_mended(answer: ToolAnswered, view: View) -> bool:
    return not answer.refused and answer.status in _FAILED and view.ledger.remaining(tool_calls(answer.name)) >= 1
