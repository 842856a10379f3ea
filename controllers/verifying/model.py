"""A model as verifier: prefill only, one token, Yes against No."""

from __future__ import annotations

from ..side import Question
from .prompts import Prompts, filled
from .verifier import Asks
from .yes_or_no import LIKELIEST, says_yes


class ModelVerifier:
    """Meets `Verifier`. The question stands first in the prompts, so that the model's engine may hold it already."""

    def __init__(self, model: str, prompts: Prompts) -> None:
        self._model, self._prompts = model, prompts

    async def concludes(self, question: str, passage: str, asks: Asks) -> bool:
        """Part of `Verifier`."""
        return await self._ask(filled(self._prompts.existence, {"question": question, "passage": passage}), asks)

    async def agree(self, question: str, first: str, second: str, asks: Asks) -> bool:
        """Part of `Verifier`."""
        values = {"question": question, "a": first, "b": second}
        return await self._ask(filled(self._prompts.equivalence, values), asks)

    async def _ask(self, text: str, asks: Asks) -> bool:
        messages = ({"role": "user", "content": text},)
        question = Question(messages=messages, max_tokens=1, first_token_logprobs=LIKELIEST)
        return says_yes(await asks.ask(self._model, question)())
