"""P(no_think) of the model itself, from one token that is thrown away."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from ...core.chat_format import Thinking
from ...core.engine import TokenLogprob
from ..controller import Plan
from ..opening import Desk

P_NO_THINK = "p_no_think"


def no_think_probability(no_think_ids: tuple[int, ...], sampled: int, logprob: TokenLogprob | None) -> float | None:
    """The sum over the tokens that mean it; None when the engine reported too little to know it."""
    if logprob is None:
        return None
    known = dict(logprob.top) | {sampled: logprob.logprob}
    if not all(candidate in known for candidate in no_think_ids):
        return None
    return min(1.0, sum(math.exp(known[candidate]) for candidate in no_think_ids))


class FirstToken:
    """Renders the prompt up to where the model decides, samples one token there at temperature 1, and keeps none.

    Source: AdaptThink (arXiv 2505.13417), whose first generated token decides. To read its probability instead of
    sampling it, and the threshold, are ours.

    Example: the token that means no-think has log-probability -0.1: {"p_no_think": 0.905}.
    """

    def __init__(self, no_think_ids: tuple[int, ...], seconds: float) -> None:
        self._no_think, self._seconds = no_think_ids, seconds

    async def read(self, plan: Plan, desk: Desk) -> Mapping[str, float]:
        """Part of `Signal`."""
        reply = await desk.sample(
            msgspec.structs.replace(plan, thinking=Thinking.AUTO),
            max_tokens=1,
            temperature=1.0,
            logprob_ids=self._no_think,
            seconds=self._seconds,
        )
        if reply is None or not reply.ids:
            return {}
        probability = no_think_probability(self._no_think, reply.ids[0], next(iter(reply.logprobs), None))
        if probability is None:
            desk.note("the engine did not report the probability of no thinking")
            return {}
        return {P_NO_THINK: probability}
