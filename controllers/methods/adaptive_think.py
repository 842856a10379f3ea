"""adaptive_think: think, do not think, or let the model's first token decide."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from ...core.chat_format import Thinking
from ...core.decision import Decision
from ...core.errors import RequestError
from ..boundary import Boundary, TokenWatch
from ..controller import BaseController, Params, Plan, Ruling, Setting, View

_MODES = {"think": Thinking.ON, "no_think": Thinking.OFF, "auto": Thinking.AUTO}


class AdaptiveThinkParams(Params):
    """Who decides whether the model thinks."""

    mode: Literal["think", "no_think", "auto"] = "auto"
    """think and no_think force it; auto lets the model's first token decide."""


class AdaptiveThink(BaseController[None]):
    """Forces thinking on or off in the prompt, or reads the model's own choice from its first token.

    In `auto` the prompt ends where the family decides (after `<think>`), and the decision is logged with the probability
    of what was sampled: P(no_think) is the sum over the tokens that mean it, P(think) the rest. Source: AdaptThink
    (arXiv 2505.13417, the first generated token decides); Qwen3's empty block for its family.

    Example: the model samples the token that means no-think with log-probability -0.1:
        Decision(kind="think", chosen=("no_think",), probability=exp(-0.1), policy="model")
    """

    params = AdaptiveThinkParams

    def __init__(self, params: AdaptiveThinkParams, setting: Setting) -> None:
        self._mode = _MODES[params.mode]
        if not setting.format.thinks and self._mode is not Thinking.OFF:
            raise RequestError(
                f"{setting.format.name} models do not think: mode {params.mode!r} cannot be honoured",
                "mode",
            )
        decision = setting.format.decision
        self._no_think = decision.no_think_ids if decision is not None else ()
        if self._mode is Thinking.AUTO:
            if decision is None:
                raise RequestError(
                    f"{setting.format.name} models have no token that decides: choose think or no_think",
                    "mode",
                )
            self._watch = TokenWatch(1, certain=True, markers=True, logprob_ids=self._no_think)
            self.watches = (self._watch,)

    def plan(self, plan: Plan) -> Plan:
        """Render the prompt for the mode."""
        return msgspec.structs.replace(plan, thinking=self._mode)

    def at(self, state: None, boundary: Boundary, view: View) -> Ruling[None]:
        """The first token is there: log what it decided."""
        first = boundary.position - 1
        if first > 0:  # somebody else wrote the token that decides
            return Ruling(state)
        token = view.trajectory.ids[first]
        chosen = "no_think" if token in self._no_think else "think"
        decision = Decision(
            kind="think",
            policy="model",
            candidates=("think", "no_think"),
            chosen=(chosen,),
            probability=self._probability(chosen, first, view),
            position=first,
        )
        return Ruling(state, decisions=(decision,))

    def _probability(self, chosen: str, first: int, view: View) -> float | None:
        """Of the chosen side; None when the engine reported too little to know it."""
        logprob = view.trajectory.logprobs.get(first)
        if logprob is None:
            return None
        known = dict(logprob.top) | {view.trajectory.ids[first]: logprob.logprob}
        if not all(candidate in known for candidate in self._no_think):
            return None
        no_think = min(1.0, sum(math.exp(known[candidate]) for candidate in self._no_think))
        return no_think if chosen == "no_think" else 1.0 - no_think


CONTROLLER = AdaptiveThink
