"""One auxiliary model for many requests: so many questions at once, so many more wait, the next is refused."""

from __future__ import annotations

import asyncio

from ...core.errors import EngineError
from ...core.model import Model, ModelReply


class BoundedModel:
    """Meets `core.model.Model`."""

    def __init__(self, model: Model, running: int, queue: int, seconds: float) -> None:
        self.name, self.price = model.name, model.price
        self._model, self._free, self._most, self._seconds = model, asyncio.Semaphore(running), running + queue, seconds
        self._asked = 0
        self.refused = 0
        """Questions that came when the queue was full."""

    @property
    def asked(self) -> int:
        """Questions that run or wait."""
        return self._asked

    async def chat(
        self,
        messages: list[dict[str, str]],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        first_token_logprobs: int = 0,
    ) -> ModelReply:
        """The model's reply. Errors: EngineError when the queue is full or it takes too long; those of the model."""
        if self._asked >= self._most:
            self.refused += 1
            raise EngineError(f"{self.name} is asked too much: its queue is full")
        self._asked += 1
        try:
            async with asyncio.timeout(self._seconds), self._free:
                return await self._model.chat(
                    messages,
                    max_tokens=max_tokens,
                    temperature=temperature,
                    first_token_logprobs=first_token_logprobs,
                )
        except TimeoutError:
            raise EngineError(f"{self.name} did not answer within {self._seconds:g} s") from None
        finally:
            self._asked -= 1
