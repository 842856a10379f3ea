"""What came of one call of a tool."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a call ended. All but `infra` are the doing of whoever called: of the model, or of the code it wrote."""

    OK = "ok"
    """It gave what was asked for."""
    USER_ERROR = "user_error"
    """The call was wrong: unknown tool, arguments against the schema, code that raised, a budget that is spent."""
    TIMEOUT = "timeout"
    """It was still running at its deadline."""
    OOM = "oom"
    """It wanted more memory than it may have."""
    INFRA = "infra"
    """What runs the tool failed; the caller may be innocent. Masked in RL, never blamed on the model."""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that a tool gives back."""

    media_type: str
    """For example image/png."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call took, as far as it is known."""

    seconds: float = 0.0
    """Wall time."""
    cpu_seconds: float | None = None
    memory_bytes: int | None = None
    usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one call: `text` is what the model reads, also when the call failed."""

    status: Status
    text: str
    images: tuple[Image, ...] = ()
    structured: Any = None
    """The same as JSON, where the tool gives it."""
    usage: Usage = Usage()
    restarted: bool = False
    """State of earlier calls was lost, or there was none: the tool began anew for this call."""
    repeated: bool = False
    """The answer of an earlier equal call."""

    @property
    def ok(self) -> bool:
        """Whether the call gave what was asked for."""
        return self.status is Status.OK
