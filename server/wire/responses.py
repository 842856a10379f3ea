"""What the server answers: chat completions, their chunks, completions, models."""

from __future__ import annotations

from typing import Any

import msgspec


class Usage(msgspec.Struct):
    """Tokens of one request; sampled kept tokens of every trajectory are completion tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int]
    completion_tokens_details: dict[str, int]


class TopLogprob(msgspec.Struct):
    """One candidate at a token's place."""

    token: str
    logprob: float
    bytes: list[int]


class TokenLogprobEntry(msgspec.Struct):
    """One answer token with its log-probability."""

    token: str
    logprob: float
    bytes: list[int]
    top_logprobs: list[TopLogprob]


class ChoiceLogprobs(msgspec.Struct):
    """Log-probabilities of the answer's tokens."""

    content: list[TokenLogprobEntry]


class ToolCallOut(msgspec.Struct):
    """A complete tool call."""

    id: str
    type: str
    function: dict[str, str]


class MessageOut(msgspec.Struct):
    """A complete answer."""

    role: str
    content: str | None
    reasoning: str | msgspec.UnsetType | None = msgspec.UNSET
    reasoning_content: str | msgspec.UnsetType | None = msgspec.UNSET
    tool_calls: list[ToolCallOut] | msgspec.UnsetType = msgspec.UNSET
    refusal: None = None


class Choice(msgspec.Struct):
    """One choice of a plain body."""

    index: int
    message: MessageOut
    finish_reason: str
    logprobs: ChoiceLogprobs | None = None
    stop_reason: str | None = None


class ChatCompletion(msgspec.Struct):
    """The plain body."""

    id: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    flyball: dict[str, Any]
    object: str = "chat.completion"


class ToolCallPiece(msgspec.Struct, omit_defaults=True):
    """A piece of a tool call in a stream; `index` is always there."""

    index: int
    function: dict[str, str]
    id: str | None = None
    type: str | None = None


class DeltaOut(msgspec.Struct, omit_defaults=True):
    """What a chunk adds to one choice."""

    role: str | None = None
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCallPiece] | None = None


class ChunkChoice(msgspec.Struct):
    """One choice of a chunk."""

    index: int
    delta: DeltaOut
    finish_reason: str | None = None
    logprobs: ChoiceLogprobs | None = None
    stop_reason: str | msgspec.UnsetType | None = msgspec.UNSET


class Chunk(msgspec.Struct):
    """One event of a stream."""

    id: str
    created: int
    model: str
    choices: list[ChunkChoice]
    object: str = "chat.completion.chunk"
    usage: Usage | msgspec.UnsetType | None = msgspec.UNSET
    flyball: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class TextChoice(msgspec.Struct):
    """One choice of a completion, whole or a piece."""

    index: int
    text: str
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None
    stop_reason: str | None = None
    token_ids: list[int] | msgspec.UnsetType = msgspec.UNSET


class TextCompletion(msgspec.Struct):
    """The body of a completion, or one event of its stream."""

    id: str
    created: int
    model: str
    choices: list[TextChoice]
    object: str = "text_completion"
    usage: Usage | msgspec.UnsetType | None = msgspec.UNSET


class ModelCard(msgspec.Struct):
    """One served model."""

    id: str
    created: int
    owned_by: str = "flyball"
    object: str = "model"
    root: str | None = None
    max_model_len: int | None = None


class ModelList(msgspec.Struct):
    """All served models."""

    data: list[ModelCard]
    object: str = "list"
