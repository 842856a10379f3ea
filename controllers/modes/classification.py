"""Which of several modes fits a question, in the words of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ...tools.cutting import cut_middle
from ..adding import last_question
from ..controller import Plan
from ..opening import Desk
from ..side import Question

CLASSIFIED = "classified"
INSTANT, REASONING, AGENTIC = "instant", "reasoning", "agentic"
_LABELS = {INSTANT: "default_agent", REASONING: "reasoning_agent", AGENTIC: "toolcalling_agent"}
_MEANING = {
    INSTANT: "the answer is known or follows in one easy step",
    REASONING: "the answer takes careful reasoning or calculation in several steps",
    AGENTIC: "the answer needs tools: a search, a page, or code that is run",
}
_NAMES = {label: mode for mode, label in _LABELS.items()} | {mode: mode for mode in _LABELS}
_SAID = re.compile(r"<classification>\s*([a-z_]+)", re.IGNORECASE)
_CHARACTERS = 4000
_TOKENS = 64


class Classification:
    """Asks a model for `<classification>…</classification>`, `tries` times at most.

    The first try is at temperature 0, further ones at 1. A reply that names no candidate is no classification; after the
    last try, or when the model fails, there is none. Source: A²FM (arXiv 2510.12838): the labels, temperature 1, and a
    loop that there does not end; its prompt is longer, and part of the answering model's own turn.

    Example: the reply "<classification>reasoning_agent</classification>": {"classified.reasoning": 1.0, "tries": 1.0}.
    """

    def __init__(self, model: str, candidates: Sequence[str], tries: int, seconds: float) -> None:
        self._model, self._candidates, self._tries, self._seconds = model, tuple(candidates), tries, seconds

    async def read(self, plan: Plan, desk: Desk) -> Mapping[str, float]:
        """Part of `Signal`."""
        for number in range(1, self._tries + 1):
            question = self._question(plan, temperature=0.0 if number == 1 else 1.0)
            reply = await desk.ask(self._model, question, seconds=self._seconds)
            if reply is None:
                break
            if (mode := self._mode(reply.text)) is not None:
                return {f"{CLASSIFIED}.{mode}": 1.0, "tries": float(number)}
        else:
            desk.note(f"{self._model} named no mode in {self._tries} tries")
        return {}

    def _mode(self, reply: str) -> str | None:
        """The mode that it names last; None when that is none of the candidates."""
        said = _SAID.findall(reply)
        mode = _NAMES.get(said[-1].lower()) if said else None
        return mode if mode in self._candidates else None

    def _question(self, plan: Plan, temperature: float) -> Question:
        modes = "\n".join(f"- {_LABELS[mode]}: {_MEANING[mode]}" for mode in self._candidates)
        asked = cut_middle(last_question(plan.messages), _CHARACTERS)
        text = (
            f"Which of these should answer the question below?\n{modes}\n"
            f"Do not answer it. Reply with <classification>one of these names</classification> and nothing else.\n\n"
            f"Question: {asked}"
        )
        return Question(messages=({"role": "user", "content": text},), max_tokens=_TOKENS, temperature=temperature)
