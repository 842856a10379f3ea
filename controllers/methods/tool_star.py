"""tool_star: failing code is rewritten by a model, or taken back; and a long context is condensed."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from pydantic import Field

from ...core.events import Acted, Channel, ToolCalled
from ...core.model import ModelReply
from ...tools.result import Result
from ..adding import last_question
from ..boundary import Boundary, BoundaryKind, Watch
from ..controller import BaseController, FailedCall, Params, Pending, Reach, Ruling, Setting, View
from ..edits import ReplaceContext, Truncate
from ..folding.context import context_with, decoded_since_fold
from ..known_models import check_model
from ..repairing.action import last_action, position_of
from ..repairing.failing import failed_here
from ..side import SELF, Question

DEBUG = "This Python code fails.\n```python\n{code}\n```\nError:\n{error}\nReply with the corrected code alone."
REFINE = (
    "Question: {question}\nReasoning so far:\n{text}\n\nRewrite the reasoning so far in fewer words: leave out what is "
    "repeated or led nowhere, and keep every fact, number and result of a tool that the answer needs."
)
CONDENSED = "Your reasoning so far, condensed:\n{text}\nGo on from here."
_CODE = re.compile(r"```(?:\w+)?[ \t]*\n(.*?)```", re.DOTALL)
_BEFORE_CALL = re.compile(r"(?:\s|</think>)*\Z")


class ToolStarParams(Params):
    """How often each repair is made for one trajectory, and by which models."""

    debug: int = Field(default=1, ge=0, le=16)
    """Failed codes that a model rewrites. Published: 1."""
    rollback: int = Field(default=1, ge=0, le=16)
    """Failed calls that are taken back. Published: 1."""
    refine: int = Field(default=1, ge=0, le=16)
    """Contexts that are condensed. Published: 1."""
    refine_at: int = Field(default=8192, ge=1)
    """Tokens of a context that is condensed. Published: 8192."""
    debugger: str = SELF
    """The model that rewrites code. Published: Qwen2.5-72B-Instruct."""
    refiner: str = SELF
    """The model that condenses. Published: Qwen2.5-7B-Instruct."""
    max_tokens: int = Field(default=2048, ge=1)
    """Of a reply. Ours."""
    seconds: float = Field(default=60.0, gt=0)
    """For which a reply is awaited. Ours."""


class Repairs(NamedTuple):
    """What was done so far."""

    rollbacks: int = 0
    refines: int = 0
    thinking: bool = False
    """Whether the model was thinking where its context is being condensed."""


class ToolStar(BaseController[Repairs]):
    """The three tools that Tool-Star has at inference: code debugger, tool-use backtracer, reasoning-chain refiner.

    Source: Tool-Star (arXiv 2505.16410, its `evaluation/`). A failed call with an argument `code` goes to the debugger, whose
    code is run in place of it and gives the result, be it another error. Where no debugger is left, the call is cut out
    with its line, back to the line before; the prompt and earlier results always stay (the published code loses the prompt
    where there is no line before). A context of `refine_at` tokens behind a result is condensed; prompt and question stay
    (the published code loses both). Ours: the wordings, and that a failing model leaves everything as it is. What a call
    has changed stays changed. The published caps on calls are the request's budget.

    Example: `print(6*)` fails; the debugger replies with `print(6*7)`: the model reads 42 as the result of its call.
    """

    params = ToolStarParams
    watches = (Watch(BoundaryKind.RESULT_APPENDED),)
    reach = Reach.CALLS

    def __init__(self, params: ToolStarParams, setting: Setting) -> None:
        self._params = params
        check_model(params.debugger, "debugger", setting)
        check_model(params.refiner, "refiner", setting)

    def initial(self) -> Repairs:
        return Repairs()

    # -- the debugger ----------------------------------------------------------------------------------------------

    def mend(self, state: Repairs, failed: FailedCall, view: View) -> Pending | None:
        """A call has failed: let its code be rewritten, and run that."""
        code = _code_argument(failed.arguments)
        if code is None or sum(_is_mend(event) for event in view.trajectory.log) >= self._params.debug:
            return None
        ask = view.side.ask(self._params.debugger, self._question(DEBUG.format(code=code, error=failed.result.text)))

        async def wait() -> Result | None:
            written = code_in((await ask()).text)
            return await view.side.run(failed.name, {"code": written})() if written else None

        return Pending(wait, self._params.seconds)

    def _question(self, text: str) -> Question:
        return Question(messages=({"role": "user", "content": text},), max_tokens=self._params.max_tokens)

    # -- the backtracer and the refiner ----------------------------------------------------------------------------

    def at(self, state: Repairs, boundary: Boundary, view: View) -> Ruling[Repairs]:
        """Results were appended."""
        failed = failed_here(view, boundary.position)
        if failed and state.rollbacks < self._params.rollback and not _mended(view):
            edit = Truncate(_line_before(view, failed[0].fenced))
            return Ruling(state._replace(rollbacks=state.rollbacks + 1), (edit,))
        long = view.trajectory.context_tokens(boundary.position) >= self._params.refine_at
        if failed or not long or state.refines >= self._params.refine:
            return Ruling(state)
        text = REFINE.format(question=last_question(view.messages), text=decoded_since_fold(view, boundary.position))
        pending = Pending(view.side.ask(self._params.refiner, self._question(text)), self._params.seconds)
        thinking = view.channel is Channel.THINK
        return Ruling(state._replace(refines=state.refines + 1, thinking=thinking), pending=pending)

    def verdict(self, state: Repairs, boundary: Boundary, result: ModelReply | None, view: View) -> Ruling[Repairs]:
        """The refiner's text replaces what was decoded up to here, if it is shorter."""
        if result is None or result.cut or not result.text.strip():
            return Ruling(state)
        ids = context_with(CONDENSED.format(text=result.text.strip()), state.thinking, view)
        shorter = len(ids) < view.trajectory.context_tokens(boundary.position)
        return Ruling(state, (ReplaceContext(ids),) if shorter else ())


def code_in(reply: str) -> str:
    """The code of a reply: of its first block, or all of it.

    Example: "Here:\\n```python\\nprint(42)\\n```" gives "print(42)".
    """
    found = _CODE.search(reply)
    return (found.group(1) if found else reply).strip()


def _code_argument(arguments: str) -> str | None:
    try:
        given = json.loads(arguments)
    except ValueError:
        return None
    code = given.get("code") if isinstance(given, dict) else None
    return code if isinstance(code, str) else None


def _is_mend(event: object) -> bool:
    return isinstance(event, Acted) and event.edits == ["Mend"]


def _mended(view: View) -> bool:
    """Whether the last results are of code that was rewritten."""
    for event in reversed(view.trajectory.log):
        if _is_mend(event):
            return True
        if isinstance(event, ToolCalled):
            break
    return False


def _line_before(view: View, fenced: bool) -> int:
    """The end of the line before the one in which the last action began; blanks and the end of thinking are skipped."""
    floor, start = last_action(view, fenced)
    text = _BEFORE_CALL.sub("", view.text(floor, start))
    return position_of(view, floor, start, text.rfind("\n") + 1)


CONTROLLER = ToolStar
