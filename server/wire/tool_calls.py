"""Bodies of the routes by which programs call tools: ours, and verl-tool's."""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

SessionId = Annotated[str, Field(min_length=1, max_length=256)]


class CallIn(BaseModel):
    """One call."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(default="", max_length=256)
    """Comes back with the result."""
    tool: str = Field(max_length=256)
    arguments: dict[str, Any] | str = Field(default_factory=dict)
    """An object, or one as JSON text."""
    session: SessionId | None = None
    """Whose state the call finds and leaves; None: one of its own, which ends with it."""
    timeout_s: float | None = Field(default=None, gt=0, le=3600)
    """None: the tool's own."""


class ExecuteRequest(BaseModel):
    """POST /v1/flyball/tools/execute."""

    model_config = ConfigDict(extra="forbid")

    calls: list[CallIn] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _is_unicode(cls, data: Any) -> Any:
        return unicode_only(data)


def unicode_only(data: Any) -> Any:
    """The data. Errors: ValueError for text that is no Unicode, wherever it is."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("text holds one half of a surrogate pair without the other") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return data


class ImageOut(msgspec.Struct):
    """A picture; `data` is base64."""

    media_type: str
    data: bytes


class UsageOut(msgspec.Struct, omit_defaults=True):
    """What a call took, as far as it is known."""

    seconds: float
    cpu_seconds: float | None = None
    memory_bytes: int | None = None
    usd: float = 0.0


class ResultOut(msgspec.Struct):
    """What came of one call."""

    id: str
    tool: str
    status: str
    """ok, user_error, timeout, oom, infra; the last is nobody's fault that called: mask it in RL."""
    text: str
    """What a model would read."""
    images: list[ImageOut]
    structured: Any
    usage: UsageOut
    restarted: bool
    """State of earlier calls was lost, or there was none."""


class ExecuteResponse(msgspec.Struct):
    """Results in the order of the calls."""

    results: list[ResultOut]


class ToolOut(msgspec.Struct, omit_defaults=True):
    """A tool as a client is told of it; with a query, its score."""

    name: str
    description: str
    parameters: dict[str, Any]
    effect: str
    usd: float
    score: float | None = None


class ToolList(msgspec.Struct):
    """Tools: all in the order in which they came, or those that were found, the best first."""

    tools: list[ToolOut]


class SessionDeleted(msgspec.Struct):
    """`deleted`: whether there was such a session of this client's."""

    id: str
    deleted: bool


class ObservationRequest(BaseModel):
    """verl-tool's body. What else its trainers send along with each trajectory is nothing to us."""

    model_config = ConfigDict(extra="allow")

    trajectory_ids: list[str | int]
    actions: list[str]
    finish: list[bool] | None = None
    """Trajectories that are over."""
    extra_fields: list[dict[str, Any]] | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_unicode(cls, data: Any) -> Any:
        return unicode_only(data)


class ObservationResponse(msgspec.Struct):
    """verl-tool's answer: one of each per trajectory."""

    observations: list[str | dict[str, str]]
    dones: list[bool]
    valids: list[bool]
