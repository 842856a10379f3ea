"""adaptive_think: whether, and how, the model thinks: forced, by its first token, by a probe, a policy, or a classification."""

from __future__ import annotations

import msgspec

from ...core.chat_format import Thinking
from ...core.decision import Decision
from ...core.errors import RequestError
from ..boundary import Boundary, TokenWatch
from ..controller import BaseController, Plan, Ruling, Setting, View
from ..modes.changes import NO_THINK, THINK, changed
from ..modes.chooser import make_chooser, mode_candidates
from ..modes.classification import AGENTIC, INSTANT
from ..modes.first_token import no_think_probability
from ..modes.params import AdaptiveThinkParams
from ..opening import Desk, Opening

_BY_FIRST_TOKEN = ("model", "auto")
_WITHOUT_THINKING = (NO_THINK, INSTANT, AGENTIC, "modes")
"""Modes that a family which does not think can honour."""


class AdaptiveThink(BaseController[None]):
    """Decides whether the model thinks: forced, by its own first token, by a probe, a policy, or a classification.

    - `think`, `no_think`: forced in the prompt.
    - `model` (also `auto`): the prompt ends where the family decides (after `<think>`), and what the model samples there
      is logged with its probability. Source: AdaptThink (arXiv 2505.13417); Qwen3's empty block for its family.
    - `probe`: before the prompt is rendered, P(no_think) of the model's first token against `threshold`; or `samples`
      answers without thinking, and no thinking where they agree. Both are ours (`modes/first_token.py`,
      `modes/cheap_answers.py`).
    - `policy`: a rule on counts of the question, chance, or AdaCoT's written principles (arXiv 2505.11896) read by an
      auxiliary model (`modes/principles.py`).
    - `modes`: A²FM's three (arXiv 2510.12838), chosen by a model in `tries` tries at most: `instant` neither thinks nor
      has tools, `reasoning` thinks without tools, `agentic` thinks with them, and is no candidate without any.
      Naming one of the three forces it.

    What `probe`, `policy` and `modes` decide is logged with features, candidates and the probability of what was taken,
    `explore` included. Their questions and samples are charged. A question without a reply leaves the model to think
    (`fallback` for modes). Every choice of n decides for itself.

    Example: the model samples the token that means no-think with log-probability -0.1:
        Decision(kind="think", chosen=("no_think",), probability=exp(-0.1), policy="model")
    """

    params = AdaptiveThinkParams

    def __init__(self, params: AdaptiveThinkParams, setting: Setting) -> None:
        self._mode, self._format = params.mode, setting.format
        self._can_be = mode_candidates(setting)
        if not setting.format.thinks and params.mode not in _WITHOUT_THINKING:
            raise RequestError(
                f"{setting.format.name} models do not think: mode {params.mode!r} cannot be honoured", "mode"
            )
        self._chooser = make_chooser(params, setting)
        self._no_think: tuple[int, ...] = ()
        if params.mode in _BY_FIRST_TOKEN:
            self._watch_first_token(setting)

    def _watch_first_token(self, setting: Setting) -> None:
        decision = setting.format.decision
        if decision is None:
            raise RequestError(
                f"{setting.format.name} models have no token that decides: choose think or no_think", "mode"
            )
        self._no_think, self._prefix = decision.no_think_ids, setting.format.encode(decision.prefix)
        self.watches = (TokenWatch(1, certain=True, markers=True, logprob_ids=self._no_think),)

    # -- before a trajectory ---------------------------------------------------------------------------------------

    def plan(self, plan: Plan) -> Plan:
        """Render the prompt for the mode, or for what a choice will probably be. Errors: RequestError."""
        if self._mode == AGENTIC and AGENTIC not in self._can_be:
            raise RequestError("adaptive_think: the mode agentic needs tools", "flyball.controllers")
        if self._mode in _BY_FIRST_TOKEN:
            return msgspec.structs.replace(plan, thinking=Thinking.AUTO)
        if self._chooser is None:
            return changed(plan, self._mode, self._format)
        usual = changed(plan, self._chooser.usual, self._format)
        return msgspec.structs.replace(plan, thinking=usual.thinking)  # of the tools only the choice may say

    async def open(self, plan: Plan, desk: Desk) -> Opening:
        """Part of `Opens`: choose for one trajectory."""
        if self._chooser is None or plan.thinking_given:
            return Opening(plan)
        decision = await self._chooser.choose(plan, desk)
        return Opening(changed(plan, decision.chosen[0], self._format), (decision,))

    # -- the model's first token -----------------------------------------------------------------------------------

    def at(self, state: None, boundary: Boundary, view: View) -> Ruling[None]:
        """The first token is there: log what it decided."""
        first = boundary.position - 1
        if first > 0 or not self._model_decides(view):  # somebody else wrote the token that decides
            return Ruling(state)
        token, logprob = view.trajectory.ids[first], view.trajectory.logprobs.get(first)
        no_think = no_think_probability(self._no_think, token, logprob)
        chosen = NO_THINK if token in self._no_think else THINK
        decision = Decision(
            kind="think",
            policy="model",
            candidates=(THINK, NO_THINK),
            chosen=(chosen,),
            probability=no_think if no_think is None or chosen == NO_THINK else 1.0 - no_think,
            position=first,
        )
        return Ruling(state, decisions=(decision,))

    def _model_decides(self, view: View) -> bool:
        """Whether the prompt ends where the model decides: a strategy may have rendered another one."""
        return view.trajectory.prompt_ids[-len(self._prefix) :] == self._prefix


CONTROLLER = AdaptiveThink
