"""The body of POST /v1/flyball/feedback, and its answer."""

from __future__ import annotations

from typing import Annotated, Any, Self

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from .tool_calls import unicode_only


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL in its texts."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


Text = Annotated[str, AfterValidator(_storable)]


class FeedbackRequest(BaseModel):
    """What a client thinks of an answer it got: a score, a label, or both."""

    model_config = ConfigDict(extra="forbid")

    trace_id: Text = Field(min_length=1, max_length=256)
    """The answer's `flyball.trace_id`, which is its `id`, too."""
    score: float | None = Field(default=None, ge=-1e9, le=1e9)
    """The higher the better; the scale is the client's own."""
    label: Text | None = Field(default=None, min_length=1, max_length=64)
    """E.g. good or bad."""
    comment: Text | None = Field(default=None, max_length=4000)
    by: Text = Field(default="", max_length=128)
    """Who says so; what the same one said before is replaced."""

    @model_validator(mode="before")
    @classmethod
    def _is_unicode(cls, data: Any) -> Any:
        return unicode_only(data)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.score is None and self.label is None:
            raise ValueError("a score or a label is wanted")
        return self


class FeedbackStored(msgspec.Struct):
    """The feedback is in the store."""

    trace_id: str
    by: str
    stored: bool = True
