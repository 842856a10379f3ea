"""A choice for one trajectory: what is known of the question, what a signal adds, and the policy that decides."""

from __future__ import annotations

from typing import NamedTuple

from ...core.decision import Decision
from ...core.errors import RequestError
from ...core.ledger import TOKENS
from ...policies.base import Context, Policy
from ...policies.exploring import Exploring
from ...policies.highest import Highest
from ...policies.question_features import question_features
from ...policies.question_rule import QuestionRule
from ...policies.threshold import Threshold
from ...policies.uniform import Uniform
from ..adding import last_question
from ..controller import Plan, Setting
from ..opening import Desk
from .changes import NO_THINK, THINK
from .cheap_answers import AGREEING, CheapAnswers
from .classification import AGENTIC, CLASSIFIED, INSTANT, REASONING, Classification
from .first_token import P_NO_THINK, FirstToken
from .params import AdaptiveThinkParams
from .principles import P_THINK, Principles
from .signal import Nothing, Signal


class Chooser(NamedTuple):
    """Chooses among candidates. `usual` is the one that the prompt is rendered for before anything is known."""

    kind: str
    candidates: tuple[str, ...]
    signal: Signal
    policy: Policy
    usual: str

    async def choose(self, plan: Plan, desk: Desk) -> Decision:
        """The decision, with every feature that it was based on; its probability is the one given these features."""
        features = question_features(last_question(plan.messages)) | {"messages": float(len(plan.messages))}
        if (left := desk.ledger.remaining(TOKENS)) != float("inf"):
            features["tokens_left"] = left
        if len(self.candidates) > 1:
            features |= await self.signal.read(plan, desk)
        return self.policy.choose(Context(self.kind, features, desk.random), self.candidates)


def make_chooser(params: AdaptiveThinkParams, setting: Setting) -> Chooser | None:
    """What the mode asks for; None where nothing is to be chosen beforehand. Errors: RequestError."""
    if params.mode == "modes":
        return _modes(params, setting)
    made = {"probe": _probe, "policy": _policy}.get(params.mode)
    if made is None:
        if params.explore:
            raise RequestError(f"mode {params.mode!r} leaves nothing to choose: explore must be 0", "explore")
        return None
    signal, policy = made(params, setting)
    return Chooser("think", (THINK, NO_THINK), signal, Exploring(policy, params.explore), THINK)


def _probe(params: AdaptiveThinkParams, setting: Setting) -> tuple[Signal, Policy]:
    if params.probe == "answers":
        signal = CheapAnswers(params.samples, params.answer_tokens, params.temperature, params.seconds)
        return signal, _no_think_from(AGREEING, 1.0 if params.threshold is None else params.threshold)
    if (decision := setting.format.decision) is None:
        raise RequestError(f"{setting.format.name} models have no token that decides: use probe answers", "probe")
    if not setting.abilities.logprob_ids:
        raise RequestError("this engine does not report probabilities of chosen tokens: use probe answers", "probe")
    threshold = 0.5 if params.threshold is None else params.threshold
    return FirstToken(decision.no_think_ids, params.seconds), _no_think_from(P_NO_THINK, threshold)


def _no_think_from(feature: str, at: float) -> Policy:
    return Threshold(feature, at, above=NO_THINK, missing=THINK)


def _policy(params: AdaptiveThinkParams, setting: Setting) -> tuple[Signal, Policy]:
    if params.policy == "principles":
        signal = Principles(known_model(params, setting), params.principles, params.seconds)
        threshold = 0.5 if params.threshold is None else params.threshold
        return signal, Threshold(P_THINK, threshold, above=THINK, missing=THINK)
    if params.policy == "uniform":
        if params.explore:
            raise RequestError("uniform is chance already: explore must be 0", "explore")
        return Nothing(), Uniform()
    return Nothing(), QuestionRule(params.steps, params.words)


def _modes(params: AdaptiveThinkParams, setting: Setting) -> Chooser:
    candidates = mode_candidates(setting)
    usual = params.fallback if params.fallback in candidates else candidates[-1]
    signal = Classification(known_model(params, setting), candidates, params.tries, params.seconds)
    policy = Exploring(Highest(CLASSIFIED, missing=usual), params.explore)
    return Chooser("mode", candidates, signal, policy, usual)


def mode_candidates(setting: Setting) -> tuple[str, ...]:
    """The modes that there can be: reasoning needs a model that thinks, agentic needs tools."""
    has_tools = bool(setting.tools) or setting.fenced is not None
    return (INSTANT, *([REASONING] if setting.format.thinks else []), *([AGENTIC] if has_tools else []))


def known_model(params: AdaptiveThinkParams, setting: Setting) -> str:
    """The auxiliary model's name. Errors: RequestError when there is none of it."""
    if params.model not in setting.models:
        known = ", ".join(sorted(setting.models)) or "none"
        raise RequestError(f"there is no auxiliary model {params.model!r}; there are: {known}", "model")
    return params.model
