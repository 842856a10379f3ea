"""An auxiliary model: a configured, named, priced endpoint that a controller or tool may call."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Price(msgspec.Struct, frozen=True):
    """Dollars per million tokens.

    Example: Price(input=0.5, output=2.0) makes 1,000,000 prompt tokens and no output cost 0.5 dollars.
    """

    input: float = 0.0
    cached_input: float | None = None
    """None: cached prompt tokens cost as much as others."""
    output: float = 0.0

    def usd(self, prompt: int, output: int, cached: int = 0) -> float:
        """Dollars for `prompt` tokens in, of which `cached` were cached, and `output` tokens out."""
        cached_price = self.input if self.cached_input is None else self.cached_input
        return ((prompt - cached) * self.input + cached * cached_price + output * self.output) / 1e6


class ModelReply(msgspec.Struct, frozen=True):
    """What an auxiliary model said, and what it cost."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    first_token_logprobs: tuple[tuple[str, float], ...] = ()
    """Likeliest first tokens as (text, logprob), with spellings apart; empty when not asked for."""
    cut: bool = False
    """Whether it was as long as it may be."""
    cached_tokens: int = 0
    """Prompt tokens that the model's engine already held."""

    def usd(self, price: Price) -> float:
        """What it cost."""
        return price.usd(self.prompt_tokens, self.completion_tokens, self.cached_tokens)


class Model(Protocol):
    """Answers a chat. Errors: EngineError and its kinds; the caller decides whether the request survives them."""

    name: str
    price: Price

    async def chat(
        self,
        messages: list[dict[str, str]],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        first_token_logprobs: int = 0,
    ) -> ModelReply: ...
