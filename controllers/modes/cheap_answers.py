"""A few answers without thinking, and whether they agree."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from ...core.answers import extract_answer
from ...core.chat_format import Thinking
from ..controller import Plan
from ..opening import Desk
from ..strategies.self_consistency import Votes

AGREEING = "agreeing"


class CheapAnswers:
    """Samples `samples` answers without thinking at once, each of `tokens` at most, and throws them away.

    `agreeing` is the share of all of them that gave the most frequent answer. A missing or unfinished answer agrees with
    none, so a question that takes longer, or is answered by a tool call, counts against it. Ours: no source says it.

    Example: three samples with the answers 4, 4 and none: {"agreeing": 0.667, "answered": 2.0}.
    """

    def __init__(self, samples: int, tokens: int, temperature: float, seconds: float) -> None:
        self._samples, self._tokens, self._temperature, self._seconds = samples, tokens, temperature, seconds

    async def read(self, plan: Plan, desk: Desk) -> Mapping[str, float]:
        """Part of `Signal`."""
        quick = msgspec.structs.replace(plan, thinking=Thinking.OFF)
        answers = await asyncio.gather(*(self._answer(quick, desk) for _ in range(self._samples)))
        votes = Votes()
        for index, answer in enumerate(answers):
            await votes.add(index, answer)
        largest = max(map(len, votes.groups), default=0)
        return {AGREEING: largest / self._samples, "answered": float(sum(answer is not None for answer in answers))}

    async def _answer(self, quick: Plan, desk: Desk) -> str | None:
        reply = await desk.sample(quick, max_tokens=self._tokens, temperature=self._temperature, seconds=self._seconds)
        return extract_answer(reply.text) if reply is not None and reply.ended else None
