"""The fields of a streamed completion chunk that are needed; every other one is skipped while parsing."""

from __future__ import annotations

from typing import Any

import msgspec


class Logprobs(msgspec.Struct, gc=False):
    """Lists over the chunk's tokens. `top_logprobs` names tokens as `token_id:123` where the server can."""

    tokens: list[str] = []
    token_logprobs: list[float | None] = []
    top_logprobs: list[dict[str, float] | None] | None = None


class Choice(msgspec.Struct, gc=False):
    text: str = ""
    token_ids: list[int] | None = None
    logprobs: Logprobs | None = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None
    """vLLM: the stop id or stop text that ended the answer; null when the end-of-sequence token did."""
    matched_stop: int | str | None = None
    """SGLang's name for it, the end-of-sequence token included."""


class PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None


class Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None


class Metadata(msgspec.Struct, gc=False):
    weight_version: str | None = None


class Chunk(msgspec.Struct, gc=False):
    choices: list[Choice] = []
    usage: Usage | None = None
    metadata: Metadata | None = None
    error: Any = None


decode_chunk = msgspec.json.Decoder(Chunk).decode
"""Errors: msgspec.DecodeError, and its ValidationError, for what is no chunk."""
