"""Stream events as deltas: one delta for each read of the connection, however many tokens it brought."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ....core.engine import Delta, Finish, Sampling, TokenLogprob
from .chunks import Choice, Chunk, decode_chunk
from .errors import broke_off, streamed_error
from .logprobs import token_logprobs
from .sse import DONE

Encode = Callable[[str], list[int]]
_FINISH: dict[str, Finish] = {"length": "length", "abort": "abort"}


class DeltaReader:
    """Reads one call's events. What came with the finish is held back: cached tokens are reported after it.

    `encode` is given when the server returns text. Errors: UpstreamError, and RequestError when the server refuses
    the request inside the stream.
    """

    def __init__(self, sampling: Sampling, encode: Encode | None) -> None:
        self._sampling = sampling
        self._encode = encode
        self._wants_logprobs = sampling.logprobs is not None or bool(sampling.logprob_ids)
        self._began = False
        self._finish: Finish | None = None
        self._stop_id: int | None = None
        self._cached: int | None = None
        self._weights: str | None = None
        self._ids: list[int] = []
        self._logprobs: list[TokenLogprob] = []

    @property
    def finished(self) -> bool:
        return self._finish is not None

    def feed(self, events: list[bytes]) -> Delta | None:
        """The tokens of these events; None when there are none yet, or when they are the call's last."""
        for event in events:
            if event == DONE:
                continue
            try:
                chunk = decode_chunk(event)
            except msgspec.DecodeError:
                raise broke_off("sent an event that is no completion chunk.") from None
            self._take(chunk)
        if self._finish is not None or not self._ids:
            return None
        return self._flush()

    def last(self) -> Delta:
        """The delta that ends the call. Errors: UpstreamError when the stream ended before the answer did."""
        if self._finish is None:
            raise broke_off("ended the stream before the answer was complete.")
        delta = self._flush()
        delta.finish = self._finish
        delta.stop_id = self._stop_id
        delta.cached_tokens = self._cached
        return delta

    def _flush(self) -> Delta:
        delta = Delta(self._ids, self._logprobs if self._wants_logprobs else None, weight_version=self._weights)
        self._ids, self._logprobs = [], []
        self._began = True
        return delta

    def _take(self, chunk: Chunk) -> None:
        if chunk.error is not None:
            raise streamed_error(chunk.error, self._began or bool(self._ids))
        if chunk.usage is not None and chunk.usage.prompt_tokens_details is not None:
            self._cached = chunk.usage.prompt_tokens_details.cached_tokens
        if chunk.metadata is not None:
            self._weights = chunk.metadata.weight_version
        for choice in chunk.choices:
            self._take_choice(choice)

    def _take_choice(self, choice: Choice) -> None:
        ids = self._new_ids(choice)
        if self._wants_logprobs and ids:
            self._logprobs += token_logprobs(choice.logprobs, len(ids), self._sampling)
        self._ids += ids
        if choice.finish_reason is not None:
            self._end(choice, choice.finish_reason)

    def _new_ids(self, choice: Choice) -> list[int]:
        if self._encode is not None:
            return self._encode(choice.text) if choice.text else []
        if choice.token_ids is None and choice.text:
            raise broke_off("returned text without token ids, although it returned ids when it was probed.")
        return choice.token_ids or []

    def _end(self, choice: Choice, reason: str) -> None:
        if reason == "error":
            raise streamed_error(None, self._began)
        self._finish = _FINISH.get(reason, "stop")
        stopped_by = choice.stop_reason if choice.stop_reason is not None else choice.matched_stop
        if isinstance(stopped_by, int) and stopped_by in self._sampling.stop_ids:
            self._stop_id = stopped_by
            if self._encode is not None:
                self._ids.append(stopped_by)
