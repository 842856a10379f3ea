"""What one server turned out to understand beyond OpenAI's own `/v1/completions`."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class GrammarField(StrEnum):
    """Where a server expects a grammar in the request body."""

    STRUCTURED_OUTPUTS = "structured_outputs"
    """vLLM: one object with `json`, `json_object` or `regex`."""
    FLAT = "flat"
    """SGLang: `json_schema` (as text) or `regex` in the body itself."""


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """Found out by probe requests when the server is first reached."""

    ids_in: bool
    """A prompt of token ids is taken as it is."""
    ids_out: bool
    """Sampled tokens come back as ids."""
    top_ids: bool = False
    """The likeliest tokens of a place are named by id."""
    logprob_ids: bool = False
    """Log-probabilities of chosen ids can be asked for."""
    grammar: GrammarField | None = None

    @property
    def losses(self) -> tuple[str, ...]:
        """What a client loses, in words."""
        lost = []
        if not self.ids_in:
            lost.append("The prompt is sent as text and tokenised again by the remote engine.")
        if not self.ids_out:
            lost.append(
                "Sampled text is tokenised again piece by piece: token counts are close but not exact, the token that "
                "ended an answer may be unknown, and there are no log-probabilities."
            )
        return tuple(lost)
