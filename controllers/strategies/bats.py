"""bats: attempts within a budget, each answer verified; then the best of them."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from pydantic import Field

from ...core.errors import AdmissionError, RequestError
from ...core.events import ToolAnswered, ToolCalled
from ...core.ledger import USD, tool_calls
from ...core.trajectory import Trajectory
from ..adding import last_question, with_question, with_system
from ..attempting.choosing import Attempt, answer_of, judged, majority
from ..attempting.keeping import Stretch
from ..attempting.verifying import AskModel, Finding, Form, Proposed, Verdict, verified
from ..attempting.wording import GOING_ON, PLANNING
from ..budgeting.block import limited_tools
from ..controller import BaseController, Params, Plan, Setting
from ..known_models import check_model
from ..methods.budget_tracker import BudgetTracker, BudgetTrackerParams
from ..named import Named
from ..side import SELF
from ..strategy import Outcome, Trials, Variant

_EARLIER = 200
"""Characters that the verifier sees of responses before the latest."""


class BatsParams(Params):
    """How many attempts, how they are verified, and what a call costs."""

    attempts: int = Field(default=3, ge=1, le=32)
    """At most; fewer where the budget ends before. Published: as many as the budget allows."""
    stretches: int = Field(default=4, ge=1, le=32)
    """Trajectories of one attempt: the first, and those that go on from a summary. Ours."""
    iterations: int = Field(default=10, ge=1, le=256)
    """Rounds of calls, K, after which a summary replaces what was decoded. Published: 10."""
    early_stop: bool = False
    """Return the first answer that the verifier accepts; published as a mode of its own."""
    form: Form = "json"
    """json: planning module and a verifier that replies with JSON, as published; word: one word, for small models; ours."""
    verifier: str = SELF
    """The model that verifies."""
    judge: str = SELF
    """The model that chooses among answers. Published: Gemini 2.5 Flash."""
    select: Literal["judge", "majority"] = "judge"
    """Who chooses; majority needs no model and prefers what the verifier accepted; ours."""
    asks: int = Field(default=3, ge=1, le=8)
    """How often verifier and judge are asked until the reply has the right form. Ours."""
    max_tokens: int = Field(default=2048, ge=1)
    """Of the verifier's reply. Ours."""
    shown: int = Field(default=20_000, ge=100)
    """Characters of a trajectory that the verifier sees, its end. Ours."""
    call_usd: float = Field(default=0.001, ge=0)
    """What a call costs in the unified cost. Published: $0.001; 0 where tools have prices of their own."""


class Bats:
    """Budget-aware test-time scaling: plan, act, verify; go on, turn back or be done; choose among the answers.

    Source: BATS (arXiv 2511.17006, section 4 and appendix). Every trajectory has the budget block and policy of
    `budget_tracker` and keeps only the latest responses of tools. Its answer goes to the verifier: SUCCESS ends the attempt;
    after CONTINUE and PIVOT the next trajectory begins with the verifier's summary in place of what was decoded; so does one
    that reached K rounds without an answer. Attempts end when they are enough, or when tokens, seconds, dollars or the calls
    of a tool are spent; then a judge chooses at temperature 0, never an answer that is "None". The unified cost, tokens at
    their prices and calls at `call_usd`, is in the response's notes. Ours: the wordings; bounded numbers of attempts and
    trajectories; a reply of another form is asked for again, and without any usable one the answer counts as unverified;
    without a judge's letter the majority decides. Each trajectory begins with new sessions of its tools. Needs a
    temperature, as further attempts begin like the first.

    Example: attempts=2 and verdicts PIVOT, SUCCESS, SUCCESS: three trajectories, two accepted answers, one choice.
    """

    params = BatsParams
    needs_variety = True

    def __init__(self, params: BatsParams, setting: Setting) -> None:
        self._params, self._format = params, setting.format
        check_model(params.verifier, "verifier", setting)
        check_model(params.judge, "judge", setting)
        self._tools = limited_tools(setting)
        policy: Literal["levels", "short"] = "levels" if params.form == "json" else "short"
        self._tracker = BudgetTracker(BudgetTrackerParams(policy=policy), setting)
        beside: BaseController[Any] = self._tracker
        stretch: BaseController[Any] = Stretch(params.iterations)
        self._controllers = Named("budget_tracker", beside), Named("bats", stretch)

    @property
    def fan_out(self) -> int:
        return self._params.attempts * self._params.stretches

    async def run(self, trials: Trials) -> Outcome:
        """Make attempts while the budget lasts, and choose. Errors: RequestError when not even one may be started."""
        made: list[Attempt] = []
        try:
            for number in range(self._params.attempts):
                await self._attempt(number, trials, made)
                if self._spent(trials) or (self._params.early_stop and _accepted(made[-1])):
                    break
        except (RequestError, AdmissionError):
            if not made:
                raise
        chosen = made[-1] if self._params.early_stop and _accepted(made[-1]) else await self._chosen(trials, made)
        self._note(trials, made)
        return chosen.outcome

    async def _attempt(self, number: int, trials: Trials, made: list[Attempt]) -> None:
        """Trajectories until one's answer is accepted, or nothing more is to be tried."""
        summary = ""
        for _ in range(self._params.stretches):
            variant = self._variant(trials, summary)
            outcome = await trials.start(len(made), among=self._params.attempts - number, variant=variant)
            answer = answer_of(outcome.text)
            finding = await self._verified(trials, outcome, answer)
            made.append(Attempt(outcome, answer, finding))
            if finding.decision in (Verdict.SUCCESS, Verdict.UNVERIFIED) or self._spent(trials):
                return
            summary = finding.summary

    def _variant(self, trials: Trials, summary: str) -> Variant:
        messages = self._tracker.plan(Plan(trials.messages)).messages
        if self._params.form == "json":
            messages = with_system(messages, PLANNING)
        if summary:
            messages = with_question(messages, GOING_ON.format(summary=self._format.quoted(summary)), "\n\n")
        return Variant(messages=messages, controllers=self._controllers)

    async def _verified(self, trials: Trials, outcome: Outcome, answer: str | None) -> Finding:
        params = self._params
        proposed = Proposed(
            last_question(trials.messages),
            _told(outcome.trajectory, outcome.text, params.form)[-params.shown :],
            answer,
            self._tracker.block(trials.ledger),
        )
        return await verified(
            proposed, self._asker(trials, params.verifier), params.form, params.asks, params.max_tokens
        )

    @staticmethod
    def _asker(trials: Trials, model: str) -> AskModel:
        return partial(trials.ask, model)

    def _spent(self, trials: Trials) -> bool:
        """Whether something that the budget limits is used up."""
        left = (trials.ledger.remaining(tool_calls(name)) for name in self._tools)
        return trials.ledger.exhausted() is not None or any(calls < 1 for calls in left)

    async def _chosen(self, trials: Trials, made: list[Attempt]) -> Attempt:
        chosen = None
        if self._params.select == "judge":
            question = last_question(trials.messages)
            chosen = await judged(question, made, self._asker(trials, self._params.judge), self._params.asks)
        return chosen or await majority(made) or made[-1]

    def _note(self, trials: Trials, made: list[Attempt]) -> None:
        figures = {
            "trajectories": len(made),
            "answers": sum(attempt.answer is not None for attempt in made),
            "accepted": sum(map(_accepted, made)),
            "unverified": sum(attempt.finding.decision is Verdict.UNVERIFIED for attempt in made),
            "cost_usd": unified_cost(trials, self._params.call_usd),
        }
        trials.note("bats", figures)


def unified_cost(trials: Trials, call_usd: float) -> float:
    """Dollars: tokens at their prices, auxiliary ones too, and every call at one price.

    Example: $0.002 of tokens and a batched call of 4 queries at $0.001: 0.006.
    """
    calls = sum(trials.ledger.spent(item) for item in trials.ledger.summary() if item.startswith(tool_calls("")))
    return round(trials.ledger.spent(USD) + call_usd * calls, 9)


def _accepted(attempt: Attempt) -> bool:
    return attempt.finding.decision is Verdict.SUCCESS


def _told(trajectory: Trajectory, text: str, form: Form) -> str:
    """The trajectory for the verifier: calls, responses (the latest whole), and the answer's text."""
    answers = [event for event in trajectory.tool_events if isinstance(event, ToolAnswered)]
    calls = {event.id: event.arguments for event in trajectory.tool_events if isinstance(event, ToolCalled)}
    if form == "word":
        return answers[-1].text if answers else text
    lines = []
    for number, answer in enumerate(answers, 1):
        said = answer.text if number == len(answers) else answer.text[:_EARLIER]
        lines.append(f"{number}. {answer.name}({calls.get(answer.id, '')}): {said}")
    return "\n".join([*lines, text])


STRATEGY = Bats
