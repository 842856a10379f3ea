"""Text of tokens that arrive one after another."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

_INVALID_PREFIX = "Invalid prefix encountered"


class BackendTextStream:
    """Decodes one run of tokens while it arrives; bytes of an unfinished character are held back.

    `hidden` tokens leave no text: the same as decoding with skip_special_tokens, but for a set of one's own.
    """

    def __init__(self, backend: Tokenizer, hidden: frozenset[int]) -> None:
        self._backend, self._hidden = backend, hidden
        self._stream = DecodeStream(skip_special_tokens=False)

    def feed(self, ids: Sequence[int]) -> str:
        """The text that these ids complete."""
        hidden = self._hidden
        if len(ids) == 1:
            return "" if ids[0] in hidden else self._step(ids[0])
        return "".join(self._step(token) for token in ids if token not in hidden)

    def fork(self) -> BackendTextStream:
        """An independent copy, to return to after an edit."""
        twin = copy(self)
        twin._stream = copy(self._stream)
        return twin

    def _step(self, token: int) -> str:
        try:
            return self._stream.step(self._backend, token) or ""
        except Exception as error:  # the Rust error has no class of its own
            if not str(error).startswith(_INVALID_PREFIX):
                raise
        # Bytes that are no UTF-8 can leave the stream in a state that it cannot leave; vLLM restarts it too.
        self._stream = DecodeStream(skip_special_tokens=False)
        return self._stream.step(self._backend, token) or ""
