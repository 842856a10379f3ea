"""Written principles that an auxiliary model reads beside the question: does it need thinking?"""

from __future__ import annotations

from collections.abc import Mapping

from ...tools.cutting import cut_middle
from ..adding import last_question
from ..controller import Plan
from ..opening import Desk
from ..side import Question
from ..yes_no import LIKELIEST, yes_probability

P_THINK = "p_think"
PRINCIPLES = (
    "A question needs thinking when at least one of these holds: it takes several steps of calculation or deduction; "
    "several conditions must hold together; there is a trap that a quick answer falls into; code must be written or "
    "traced; a plan must be made. It needs none when it asks for one fact, a greeting, a translation, a rewording, an "
    "opinion, or a calculation of one or two easy steps."
)
_CHARACTERS = 4000


class Principles:
    """Asks a model whether a question needs thinking, by principles in words; one token, of which P(yes) is read.

    Source: AdaCoT (arXiv 2505.11896), where a 15B model labels training questions by written principles. They are not
    published, so the wording is ours; to ask at serving time instead is specs 4B's proposal.

    Example: " Yes" -0.2 and " No" -1.7 among the likeliest first tokens: {"p_think": 0.82}.
    """

    def __init__(self, model: str, principles: str, seconds: float) -> None:
        self._model, self._principles, self._seconds = model, principles, seconds

    async def read(self, plan: Plan, desk: Desk) -> Mapping[str, float]:
        """Part of `Signal`."""
        reply = await desk.ask(self._model, self._question(plan), seconds=self._seconds)
        if reply is None:
            return {}
        probability = yes_probability(reply)
        if probability is None:
            desk.note(f"{self._model} said neither yes nor no")
            return {}
        return {P_THINK: probability}

    def _question(self, plan: Plan) -> Question:
        asked = cut_middle(last_question(plan.messages), _CHARACTERS)
        text = f"{self._principles}\n\nQuestion: {asked}\n\nDoes this question need thinking? Reply Yes or No."
        return Question(messages=({"role": "user", "content": text},), max_tokens=1, first_token_logprobs=LIKELIEST)
