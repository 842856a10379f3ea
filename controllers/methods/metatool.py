"""metatool: does the question need a tool? Only then the model is told of any."""

from __future__ import annotations

from typing import Literal

import msgspec
from pydantic import Field

from ...core.decision import Decision
from ..adding import last_question
from ..controller import BaseController, Params, Plan, Setting
from ..known_models import check_model
from ..opening import Desk, Opening
from ..side import SELF, Question
from ..yes_no import LIKELIEST, yes_probability

_REASONS = """\
Decide whether the question below can only be answered well with a tool. A tool is needed for:
A. data that are current or stand outside of the model, such as news, prices, weather, a document;
B. input or output of a special kind, such as a file, an image, exact arithmetic, running code;
C. a field that the model knows too little of;
D. what belongs to the user, such as a calendar, an order, a setting.
Examples:
"What does the share of this company cost now?" yes
"Write a poem about the sea." no
"Read the attached table and add up its third column." yes
"Why is the sky blue?" no
"Which meetings do I have tomorrow?" yes
Question: {question}
Do you need a tool to answer? Reply yes or no."""
_SHORT = "Problem: {question}\nDoes this need a tool? Reply yes or no."
_FORMS = {"reasons": _REASONS, "short": _SHORT}
_CANDIDATES = ("tools", "no_tools")


class MetaToolParams(Params):
    """Who is asked, and how sure it has to be."""

    model: str = SELF
    """The model that is asked."""
    form: Literal["reasons", "short"] = "reasons"
    """reasons: the published four, with five examples (our words); short: one line for small models, ours."""
    threshold: float = Field(default=0.5, ge=0, le=1)
    """Tools are offered where P(yes) is at least so much. Ours: published is the word itself."""
    seconds: float = Field(default=20.0, gt=0)
    """For which the reply is awaited. Ours."""


class MetaTool(BaseController[None]):
    """A gate before the tools: a model is asked whether the question needs one; if not, the prompt names none.

    Source: MetaTool (arXiv 2310.03128, its prompt for tool-usage awareness). P(yes) is the share of yes among yes and no of
    the first token, all spellings summed; without log-probabilities the word decides. A reply that is neither, late or
    missing leaves the tools as they are. The decision is logged. Not asked where there are no tools, and where the
    conversation is in the middle of calls; a call that the client forces is always possible. The gate takes all tools,
    the client's and the server's, and fenced code, too; it is asked for every trajectory.

    Example: "Start with 7, add 5." and a model that gives no the probability 0.9: the prompt has no tools,
        Decision(kind="tools", policy="metatool", chosen=("no_tools",), probability=1.0, features={"p_yes": 0.1})
    """

    params = MetaToolParams

    def __init__(self, params: MetaToolParams, setting: Setting) -> None:
        self._params = params
        self._has_tools = bool(setting.tools) or setting.fenced is not None
        check_model(params.model, "model", setting)

    async def open(self, plan: Plan, desk: Desk) -> Opening:
        """Ask whether the user's last message needs a tool."""
        if not self._has_tools or not plan.offer_tools or plan.messages[-1]["role"] != "user":
            return Opening(plan)
        text = _FORMS[self._params.form].format(question=last_question(plan.messages))
        question = Question(messages=({"role": "user", "content": text},), max_tokens=4, first_token_logprobs=LIKELIEST)
        reply = await desk.ask(self._params.model, question, seconds=self._params.seconds)
        p_yes = None if reply is None else yes_probability(reply)
        return Opening(plan) if p_yes is None else self._decided(plan, p_yes)

    def _decided(self, plan: Plan, p_yes: float) -> Opening:
        needed = p_yes >= self._params.threshold
        decision = Decision(
            kind="tools",
            policy="metatool",
            candidates=_CANDIDATES,
            chosen=(_CANDIDATES[0] if needed else _CANDIDATES[1],),
            probability=1.0,
            features={"p_yes": p_yes},
        )
        return Opening(plan if needed else msgspec.structs.replace(plan, offer_tools=False), (decision,))


CONTROLLER = MetaTool
