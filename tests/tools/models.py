"""Models for tests of the tools that ask one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from flyball.core.model import ModelReply, Price

_PRICE = Price(input=1.0, output=10.0)


@dataclass
class Oracle:
    """A model that says what it is set to say, of so many tokens, and keeps what it was asked."""

    name: str = "big/model 1"
    price: Price = _PRICE
    tokens: int = 20
    error: Exception | None = None
    asked: list[tuple[list[dict[str, str]], int, float]] = field(default_factory=list)
    free: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.free.set()

    async def chat(
        self,
        messages: list[dict[str, str]],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        first_token_logprobs: int = 0,
    ) -> ModelReply:
        self.asked.append((messages, max_tokens, temperature))
        await self.free.wait()
        if self.error:
            raise self.error
        return ModelReply("forty-two", 100, min(self.tokens, max_tokens))
