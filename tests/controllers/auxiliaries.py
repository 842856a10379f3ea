"""Auxiliary models for tests: they answer by a function of the question, when they are allowed to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from flyball.core.errors import FlyballError
from flyball.core.model import ModelReply, Price

Answer = Callable[[str], str | ModelReply]


class Auxiliary:
    """Meets `core.model.Model`: answers the last message by a function, in so many tokens as it has words."""

    def __init__(
        self, answer: Answer, *, name: str = "aux", price: Price | None = None, error: FlyballError | None = None
    ) -> None:
        self.name, self.price = name, price or Price()
        self._answer, self._error = answer, error
        self.asked: list[str] = []
        self.running = self.most = 0
        self.free = asyncio.Event()
        """Replies wait for it."""
        self.free.set()

    async def chat(
        self,
        messages: Sequence[dict[str, str]],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        first_token_logprobs: int = 0,
    ) -> ModelReply:
        question = messages[-1]["content"]
        self.asked.append(question)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.free.wait()
        finally:
            self.running -= 1
        if self._error is not None:
            raise self._error
        said = self._answer(question)
        return said if isinstance(said, ModelReply) else ModelReply(said, len(question.split()), len(said.split()))
