"""Asking an auxiliary model within what a ledger allows; what it samples is booked here, for tools and controllers alike."""

from __future__ import annotations

import math

import msgspec

from .errors import RequestError
from .ledger import AUXILIARY, AUXILIARY_PROMPT, TOKENS, USD, Ledger
from .model import Model, ModelReply

_BYTES_PER_TOKEN = 2
"""Fewer than a tokenizer's mean, so that a prompt is rather thought dearer than it is."""


async def ask(
    model: Model,
    ledger: Ledger,
    messages: list[dict[str, str]],
    *,
    max_tokens: int,
    temperature: float = 0.0,
    first_token_logprobs: int = 0,
    least: int = 1,
) -> ModelReply:
    """The model's reply, of as many tokens as the budget pays for, `max_tokens` at most.

    While it is awaited the dearest reply is set aside. Tokens are booked; the dollars are the caller's to book, as a tool
    does with its result.

    Example: 10 tokens are left and max_tokens is 400: the model may answer with 10, unless `least` is more.
    Errors: RequestError when that would be fewer than `least`, and for what the model refuses; EngineError and its kinds.
    """
    prompt_tokens = estimated_tokens(messages)
    affordable = _affordable(model, ledger, prompt_tokens, max_tokens)
    if affordable < least:
        raise RequestError(f"the budget left is too small to ask {model.name}", "flyball.budget")
    dearest = model.price.usd(prompt_tokens, affordable)
    aside = ledger.child({TOKENS: affordable, USD: min(dearest, ledger.remaining(USD))})
    try:
        reply = await model.chat(
            messages, max_tokens=affordable, temperature=temperature, first_token_logprobs=first_token_logprobs
        )
        aside.charge(TOKENS, reply.completion_tokens)
    finally:
        aside.close()
    book_auxiliary(ledger, reply.prompt_tokens, reply.completion_tokens)
    return msgspec.structs.replace(reply, cut=reply.cut or reply.completion_tokens >= affordable)


def book_auxiliary(ledger: Ledger, prompt_tokens: int, completion_tokens: int) -> None:
    """Note that so many tokens were read and sampled beside the trajectory; they are charged by who samples them."""
    ledger.charge(AUXILIARY_PROMPT, prompt_tokens)
    ledger.charge(AUXILIARY, completion_tokens)


def estimated_tokens(messages: list[dict[str, str]]) -> int:
    """A cautious guess at the tokens of a chat.

    Example: one message of 300 bytes: 150.
    """
    return sum(len(message["content"].encode(errors="replace")) for message in messages) // _BYTES_PER_TOKEN


def _affordable(model: Model, ledger: Ledger, prompt_tokens: int, max_tokens: int) -> int:
    """The longest answer that the budget allows."""
    price, usd = model.price, ledger.remaining(USD)
    tokens = min(max_tokens, ledger.remaining(TOKENS))
    if price.output > 0 and usd < math.inf:
        tokens = min(tokens, (usd - price.usd(prompt_tokens, 0)) / price.output * 1e6)
    elif price.usd(prompt_tokens, 0) > usd:
        tokens = 0
    return max(0, int(tokens))
