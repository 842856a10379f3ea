"""A model as verifier: prefill only, one token, Yes against No."""

from __future__ import annotations

from ...core.errors import EngineError
from ..side import Question
from ..yes_no import LIKELIEST, yes_probability
from .prompts import Prompts, filled
from .verifier import Asks


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
        yes = yes_probability(await asks.ask(self._model, question)())
        if yes is None:
            raise EngineError("the verifier replied neither Yes nor No")
        return yes > 0.5
