"""What a verifier says of recorded segments: once per trace, whatever is varied afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from ...controllers.side import Question
from ...controllers.verifying.verifier import Asks, Verifier
from ...core.model import Model, ModelReply
from .thinking import Thinking

_AT_ONCE = 16


class Verdict(NamedTuple):
    """Of one segment: whether it concludes, and whether with the same result as the last one that did."""

    concludes: bool
    agrees: bool = False


class OneModel:
    """Meets `Asks`: whatever name is asked for, this model answers. Nothing is charged."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def ask(self, model: str, question: Question) -> Callable[[], Awaitable[ModelReply]]:
        """Part of `Asks`."""
        messages = [dict(message) for message in question.messages]
        return lambda: self._model.chat(
            messages,
            max_tokens=question.max_tokens,
            temperature=question.temperature,
            first_token_logprobs=question.first_token_logprobs,
        )


class NoModel:
    """Meets `Asks` for verifiers that ask nobody."""

    def ask(self, model: str, question: Question) -> Callable[[], Awaitable[ModelReply]]:
        """Part of `Asks`: never called."""
        raise AssertionError("this verifier was to ask no model")


async def judge(thinkings: Sequence[Thinking], verifier: Verifier, asks: Asks) -> list[list[Verdict]]:
    """The verdicts of all traces, several at once. Errors: those of the verifier."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(thinking: Thinking) -> list[Verdict]:
        async with free:
            return await _verdicts(thinking, verifier, asks)

    return list(await asyncio.gather(*map(one, thinkings)))


async def _verdicts(thinking: Thinking, verifier: Verifier, asks: Asks) -> list[Verdict]:
    verdicts, last = list[Verdict](), ""
    for segment in thinking.segments:
        if not segment.passage or not await verifier.concludes(thinking.question, segment.passage, asks):
            verdicts.append(Verdict(False))
            continue
        agrees = bool(last) and await verifier.agree(thinking.question, last, segment.passage, asks)
        verdicts.append(Verdict(True, agrees))
        last = segment.passage
    return verdicts
