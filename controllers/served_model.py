"""The served model as an auxiliary one: a chat of its own, without thinking, on an engine that is there anyway."""

from __future__ import annotations

import itertools
from contextlib import aclosing

from ..core.chat_format import ChatFormat, Thinking
from ..core.engine import Delta, Engine, EngineRequest, Sampling
from ..core.errors import EngineError, RequestError, Unavailable
from ..core.model import ModelReply, Price


class ServedModel:
    """Meets `core.model.Model`. The reply is the answer alone: the prompt ends behind an empty block of thinking.

    No marker in a message is one: questions quote what models and tools wrote.
    """

    def __init__(self, name: str, engine: Engine, format: ChatFormat, price: Price, adapter: str | None = None) -> None:
        self.name, self.price = name, price
        self._engine, self._format, self._adapter = engine, format, adapter
        self._numbers = itertools.count()

    async def chat(
        self,
        messages: list[dict[str, str]],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        first_token_logprobs: int = 0,
    ) -> ModelReply:
        """The answer. Errors: RequestError for a chat that does not fit; those of the engine."""
        thinking = Thinking.OFF if self._format.thinks else Thinking.DEFAULT
        quoted = [{**message, "content": self._format.quoted(message["content"])} for message in messages]
        prompt = self._format.render(quoted, None, thinking, {})
        room = self._engine.abilities.context_length - len(prompt)
        if room < 1:
            raise RequestError(f"{self.name} cannot be asked this: it does not fit the context")
        logprobs = first_token_logprobs or None
        sampling = Sampling(max_tokens=min(max_tokens, room), temperature=temperature, logprobs=logprobs)
        request = EngineRequest(
            request_id=f"{self.name}-{next(self._numbers)}", ids=prompt, sampling=sampling, adapter=self._adapter
        )
        try:
            return await self._reply(request)
        except Unavailable as error:  # who asks a model can do without it: only the client's own engine is worth a 503
            raise EngineError(f"{self.name}: {error}") from error

    async def _reply(self, request: EngineRequest) -> ModelReply:
        ids: list[int] = []
        first: tuple[tuple[str, float], ...] = ()
        cached, finish = 0, None
        async with aclosing(self._engine.generate(request)) as deltas:
            async for delta in deltas:
                first = first or self._first(delta)
                cached, finish = delta.cached_tokens or cached, delta.finish or finish
                ids += delta.ids
        text = [token for token in ids if token not in self._format.eos_ids]
        return ModelReply(
            self._format.decode(text), len(request.ids), len(ids), first, cut=finish == "length", cached_tokens=cached
        )

    def _first(self, delta: Delta) -> tuple[tuple[str, float], ...]:
        """The likeliest first tokens, the sampled one among them."""
        if not delta.logprobs or not delta.ids:
            return ()
        head = delta.logprobs[0]
        likeliest = dict(head.top) | {delta.ids[0]: head.logprob}
        return tuple((self._format.decode([token]), logprob) for token, logprob in likeliest.items())
