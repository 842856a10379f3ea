"""budget_tracker: the model is told after every result what its tools have used and what remains."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from pydantic import Field

from ...core.events import Channel
from ...core.ledger import Ledger, tool_calls
from ..adding import with_question, with_system
from ..boundary import Boundary, BoundaryKind, Watch
from ..budgeting.block import BudgetBlock, Form, Shown, limited_tools
from ..budgeting.policy import Policy, policy_text
from ..controller import BaseController, Params, Plan, Ruling, Setting, View
from ..edits import Inject

INSISTENCE = (
    "Wait, you still have remaining tool budget, use more search and browse tools to explore different information "
    "sources before concluding."
)
"""As published."""


class BudgetTrackerParams(Params):
    """What the model is told, and whether it is sent back to its tools."""

    form: Form = "generic"
    """generic: a line a tool and a last line, as in the paper; search_agent: one line of Query and URL (its appendix)."""
    policy: Policy = "levels"
    """What stands in the system text: levels (the paper's ranges), short (one sentence for small models; ours), none."""
    shows: tuple[Shown, ...] = ()
    """Told of besides calls. Ours."""
    at_start: bool = False
    """Also write the block behind the question, before the first call. Ours."""
    insist: bool = False
    """The paper's sequential scaling: an answer with budget left is followed by a sentence that asks for more calls."""
    refusals: int = Field(default=5, ge=1, le=64)
    """It ends after so many answers in a row without a call. Published: 5."""
    inflate: int = Field(default=0, ge=0)
    """Added to the calls that are said to remain: the control with wrong numbers. 0: the truth."""


class Insisted(NamedTuple):
    """How often the model was sent back to its tools since it last called one."""

    times: int = 0
    calls: int = 0
    """That had been answered then."""


class BudgetTracker(BaseController[Insisted]):
    """Appends a `<budget>` block to every result of the server's tools: calls used and remaining, per tool.

    Source: Budget Tracker (arXiv 2511.17006, section 3 and appendix C.1). Told of are the tools that the request's budget
    limits; the limits themselves hold without this controller, to the unit: each entry of a batched call counts as one.
    The block stands inside of the last result of a turn, or behind the output of fenced code; it is never cut, and is no
    edit. Numbers of a budget that several trajectories share are what all of them have used. The paper's models choose
    their level by themselves, so the block names none. The sentence of `insist` is written behind the answer, in the same
    turn: a client reads both answers, the last one counts. Ours: the wording of the policy, that only tools with a
    limit are told of, `shows`, `at_start` and `inflate`.

    Example: a budget of {"tool_calls": {"python": 4}} and one call made, whose result was 42:
        42\\n<budget>\\npython Budget Used: 1, python Budget Remaining: 3\\nMake the best use …\\n</budget>
    """

    params = BudgetTrackerParams

    def __init__(self, params: BudgetTrackerParams, setting: Setting) -> None:
        self._tools = limited_tools(setting)
        self._block = BudgetBlock(self._tools, params.shows, params.form, params.inflate)
        self._policy = policy_text(params.policy)
        self._opening = self._block.text(Ledger(setting.budget)) if params.at_start else ""
        self._refusals = params.refusals
        self.watches = (Watch(BoundaryKind.ANSWER_END),) if params.insist and self._tools else ()

    def plan(self, plan: Plan) -> Plan:
        """The policy into the system text, and the block behind the question."""
        messages = with_question(with_system(plan.messages, self._policy), self._opening)
        return msgspec.structs.replace(plan, messages=messages)

    def initial(self) -> Insisted:
        return Insisted()

    def beside_results(self, state: Insisted, view: View) -> str:
        """The block."""
        return self.block(view.ledger)

    def block(self, ledger: Ledger) -> str:
        """What a ledger has to tell; empty when it limits none of the tools."""
        return self._block.text(ledger)

    def at(self, state: Insisted, boundary: Boundary, view: View) -> Ruling[Insisted]:
        """The model ends its turn: an answer, unless it calls."""
        trajectory = view.trajectory
        turn = trajectory.spans(trajectory.turn_start())
        left = any(view.ledger.remaining(tool_calls(name)) >= 1 for name in self._tools)
        if not left or any(run.channel is Channel.CALL for run, _ in turn):
            return Ruling(state)
        calls = trajectory.calls_answered()
        times = state.times if calls == state.calls else 0
        if times >= self._refusals:
            return Ruling(state)
        return Ruling(Insisted(times + 1, calls), (Inject(f"\n\n{INSISTENCE}\n\n"),))


CONTROLLER = BudgetTracker
