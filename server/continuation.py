"""One prompt continued by one engine call, its text cut at stop strings: what /v1/completions serves."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec

from ..controllers.seeds import child_seed
from ..controllers.text_match import StopMatch
from ..core.chat_format import ChatFormat
from ..core.engine import Engine, EngineRequest, TokenLogprob
from ..core.errors import EngineError, RequestError
from ..core.events import Channel
from .translate import sampling_of
from .wire.requests import CompletionRequest

_DEFAULT_MAX_TOKENS = 16
"""The legacy endpoint's own default."""


class TextPiece(msgspec.Struct):
    """What is new of one choice; `offsets` are where each id's text begins."""

    text: str = ""
    ids: list[int] = msgspec.field(default_factory=list)
    logprobs: list[TokenLogprob] = msgspec.field(default_factory=list)
    offsets: list[int] = msgspec.field(default_factory=list)
    finish: str | None = None
    stop: str | None = None

    @staticmethod
    def joined(pieces: Sequence[TextPiece]) -> TextPiece:
        """Pieces of one choice, in order, as one."""
        whole = TextPiece()
        for piece in pieces:
            whole.text += piece.text
            whole.ids += piece.ids
            whole.logprobs += piece.logprobs
            whole.offsets += piece.offsets
            whole.finish, whole.stop = piece.finish, piece.stop
        return whole


class Continuation:
    """Decodes one choice. Text that may be the beginning of a stop string is held back."""

    def __init__(
        self,
        engine: Engine,
        format: ChatFormat,
        body: CompletionRequest,
        prompt: list[int],
        adapter: str | None,
        request_id: str,
        choice: int,
    ) -> None:
        self._engine, self._format, self._body = engine, format, body
        self._prompt, self._adapter, self._request_id = prompt, adapter, request_id
        self._seed = None if body.seed is None else child_seed(body.seed, choice)
        self._text = ""
        self._sent = 0
        self.sampled = 0
        self.cached_tokens = 0

    def _request(self) -> EngineRequest:
        body = self._body
        room = self._engine.abilities.context_length - len(self._prompt)
        max_tokens = min(room, body.max_tokens or _DEFAULT_MAX_TOKENS)
        if body.min_tokens > max_tokens:
            raise RequestError(f"min_tokens {body.min_tokens} is more than max_tokens {max_tokens}", "min_tokens")
        sampling = msgspec.structs.replace(
            sampling_of(body, body.logprobs, None), max_tokens=max_tokens, min_tokens=body.min_tokens, seed=self._seed
        )
        whole = not body.stream and not body.stops
        return EngineRequest(
            request_id=self._request_id, ids=self._prompt, sampling=sampling, adapter=self._adapter, whole=whole
        )

    async def pieces(self) -> AsyncGenerator[TextPiece]:
        """What is new, the last with its finish reason. Errors: those of the engine, which may refuse the prompt's ids."""
        try:
            async with aclosing(self._pieces()) as pieces:
                async for piece in pieces:
                    yield piece
        except RequestError as error:
            if error.param is not None:
                raise
            raise RequestError(str(error), "prompt", error.code) from error

    async def _pieces(self) -> AsyncGenerator[TextPiece]:
        text, stops = self._format.text_stream(), self._body.stops
        match = StopMatch(self._format, stops) if stops else None
        async with aclosing(self._engine.generate(self._request())) as deltas:
            async for delta in deltas:
                self.cached_tokens += delta.cached_tokens or 0
                piece = TextPiece()
                for token in delta.ids:
                    piece.offsets.append(len(self._text))
                    self._text += text.feed([token])
                    self.sampled += 1
                    if match is not None:
                        match.feed(self.sampled - 1, token, Channel.ANSWER, marker=False)
                        if match.found is not None:
                            break
                kept = len(piece.offsets)
                piece.ids, piece.logprobs = delta.ids[:kept], (delta.logprobs or [])[:kept]
                if delta.finish == "abort":
                    raise EngineError("the engine aborted the call")
                if match is not None and match.found is not None:
                    piece.stop, end = match.found
                    piece.text, piece.finish = self._text[self._sent : end], "stop"
                    yield piece
                    return
                held = 0 if match is None or delta.finish is not None else match.pending_chars
                end = len(self._text) - held
                piece.text, self._sent, piece.finish = self._text[self._sent : end], end, delta.finish
                if piece.text or piece.ids or piece.finish:
                    yield piece
