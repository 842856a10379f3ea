"""thor: after a call that failed the model goes back to before it, and tries again."""

from __future__ import annotations

from pydantic import Field

from ..boundary import Boundary, BoundaryKind, Watch
from ..controller import BaseController, Params, Reach, Ruling, Setting, View
from ..edits import Truncate
from ..repairing.action import last_action
from ..repairing.failing import failed_here


class ThorParams(Params):
    """How far the model goes back, and how often."""

    retries: int = Field(default=4, ge=0, le=32)
    """Of one trajectory; then errors are kept. Published code: 4 (`self_retry_num`)."""
    backtrack: int = Field(default=500, ge=0)
    """Tokens dropped before the failed action. Published code: 500; 0: the action alone."""


class Thor(BaseController[int]):
    """Drops a failed call with its error and up to `backtrack` tokens before it; what follows is sampled anew.

    Source: THOR (arXiv 2509.13761, self-correction at inference; its code, where it is off by default). An action has
    failed when every call of its turn has, by the model's doing; a call that the budget refuses is not tried again. Retried
    calls stay charged and count as rounds. Ours: going back ends behind the results before it, so that what succeeded is
    kept; the count is per trajectory. What a dropped call has changed stays changed: the variables of a Python session, a
    file. At temperature 0 the same call comes again. Kept tokens are sent once the next results are there.

    Example: backtrack=0, and code that prints an undefined name: the code and its NameError are gone, the model writes on
    from the line before the fence.
    """

    params = ThorParams
    watches = (Watch(BoundaryKind.RESULT_APPENDED),)
    reach = Reach.CALLS

    def __init__(self, params: ThorParams, setting: Setting) -> None:
        self._retries, self._backtrack = params.retries, params.backtrack

    def initial(self) -> int:
        """How often it went back."""
        return 0

    def at(self, state: int, boundary: Boundary, view: View) -> Ruling[int]:
        """Results were appended."""
        failed = failed_here(view, boundary.position)
        if not failed or state >= self._retries:
            return Ruling(state)
        action = last_action(view, failed[0].fenced)
        return Ruling(state + 1, (Truncate(max(action.floor, action.start - self._backtrack)),))


CONTROLLER = Thor
