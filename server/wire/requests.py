"""The bodies of POST /v1/chat/completions and /v1/completions."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .flyball_block import FlyballBlock
from .messages import Message, ResponseFormat, ToolChoice, ToolSpec

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
Stops = str | Annotated[list[str], Field(max_length=16)]


class StreamOptions(BaseModel):
    """What a stream carries besides the answer."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool = False
    continuous_usage_stats: bool = False


class SamplingFields(BaseModel):
    """What both kinds of request share. Unknown top-level fields pass, as clients merge their extras there."""

    model_config = ConfigDict(extra="allow")

    model: str
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=-1)
    min_p: float | None = Field(default=None, ge=0, le=1)
    n: int = Field(default=1, ge=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    stop: Stops | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    min_tokens: int = Field(default=0, ge=0)
    presence_penalty: float = Field(default=0.0, ge=-2, le=2)
    frequency_penalty: float = Field(default=0.0, ge=-2, le=2)
    repetition_penalty: float = Field(default=1.0, gt=0, le=2)
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = None
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    ignore_eos: bool = False
    user: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, data: Any) -> Any:
        return _cleaned(data)

    @property
    def stops(self) -> tuple[str, ...]:
        """Stop strings, empty ones left out."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(stop for stop in given if stop)


class ChatCompletionRequest(SamplingFields):
    """POST /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    logprobs: bool = False
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    response_format: ResponseFormat | None = None
    tools: list[ToolSpec] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool = True
    reasoning_effort: Effort | None = None
    thinking_token_budget: int | None = Field(default=None, ge=0)
    """vLLM's field: the same as the controller thinking_budget."""
    chat_template_kwargs: dict[str, Any] = Field(default_factory=dict)
    flyball: FlyballBlock = Field(default_factory=FlyballBlock)


class CompletionRequest(SamplingFields):
    """POST /v1/completions: text or token ids are continued as they are, without a chat format and without controllers."""

    prompt: str | list[TokenId] | list[str] | list[list[TokenId]]
    echo: bool = False
    suffix: str | None = None
    best_of: int | None = None
    logprobs: int | None = Field(default=None, ge=0, le=20)
    return_token_ids: bool = False
    flyball: dict[str, Any] | None = None


def _cleaned(data: Any) -> Any:
    """Clients send null for what they leave out. Errors: ValueError for text that is no Unicode, wherever it is."""
    if not isinstance(data, dict):
        return data
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("text holds one half of a surrogate pair without the other") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return {key: value for key, value in data.items() if value is not None}
