"""What a session may say, as the host takes it: anything else is a breach."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import DecodeError, Meta, Struct
from msgspec.json import Decoder

Count = Annotated[int, Meta(ge=0)]


class Breach(Exception):
    """The session said what an honest one cannot say."""


class Ready(Struct, tag="ready", forbid_unknown_fields=True):
    """The wall stands; no cell has run yet."""


class Failed(Struct, tag="failed", forbid_unknown_fields=True):
    """The wall could not be raised; the session has ended."""

    error: str


class Output(Struct, tag="output", forbid_unknown_fields=True):
    """Text that the cell printed, as it comes."""

    id: int
    nonce: str
    stream: Literal["stdout", "stderr"]
    text: str


class Rest(Struct, forbid_unknown_fields=True):
    """How much of a stream was cut out after what was sent, and its end."""

    cut: Count
    tail: str


class Done(Struct, tag="done", forbid_unknown_fields=True):
    """The cell has ended."""

    id: int
    nonce: str
    status: Literal["ok", "user_error", "oom"]
    value: str | None
    error: str | None
    images: list[bytes]
    stdout: Rest
    stderr: Rest


Message = Ready | Failed | Output | Done
_DECODER: Decoder[Message] = Decoder(Message)


def decode(body: bytes) -> Message:
    """The message in a body. Errors: Breach."""
    try:
        return _DECODER.decode(body)
    except DecodeError as error:  # also of a wrong shape; a huge integer or deep nesting comes as one too
        raise Breach(f"its message cannot be read: {error}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise Breach("its message cannot be read") from error
