"""What happens to a trajectory: the events of its log, and what the tokens in it are part of.

Legend: ids are token ids.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from .decision import Decision


class Channel(StrEnum):
    """What a token is part of."""

    THINK = "think"
    ANSWER = "answer"
    CALL = "call"
    RESULT = "result"


class Origin(StrEnum):
    """Who wrote a token."""

    SAMPLED = "sampled"
    """The served model; only these train."""
    INJECTED = "injected"
    """A controller, or the chat format."""
    ENVIRONMENT = "environment"
    """A tool."""


class FinishReason(StrEnum):
    """Why a trajectory ended, in the API's words."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CANCELLED = "cancelled"
    """The client left, or a strategy no longer needs it; never sent to a client."""


class Event(msgspec.Struct, tag=True, kw_only=True):
    """What happened to a trajectory; `position` is where."""

    position: int


class Rendered(Event):
    """The prompt was rendered and tokenised: always the first event."""

    ids: list[int]


class Called(Event):
    """An engine call began at this position."""

    call: int
    seed: int | None


class Appended(Event):
    """Tokens were kept."""

    ids: list[int]
    channel: Channel
    origin: Origin
    marker: bool
    logprobs: list[float] | None = None
    weight_version: str | None = None


class Dropped(Event):
    """Everything from this position on was dropped: `ids`, of which the model had sampled `sampled`."""

    ids: list[int]
    sampled: int
    by: str
    channel: Channel = Channel.ANSWER
    """Of the first of them."""


class Overshot(Event):
    """Tokens that the engine had sampled past an edit; they were charged and never kept."""

    ids: list[int]
    channel: Channel = Channel.ANSWER
    """Of the first of them."""


class ContextReplaced(Event):
    """From here on the engine sees `ids` instead of what came before; the transcript is unchanged."""

    ids: list[int]
    by: str


class Acted(Event):
    """A controller edited at a boundary."""

    controller: str
    boundary: str
    detected: int
    """Kept tokens when the boundary was seen; the verdict may have come later still."""
    edits: list[str]
    late: bool = False


class Decided(Event):
    """A choice was made."""

    decision: Decision


class Noted(Event):
    """Something that the client should know: a verdict that came too late, a limit that was met."""

    by: str
    text: str


class ToolCalled(Event):
    """A tool that the server runs was called; the position is behind the call."""

    id: str
    name: str
    arguments: str
    """JSON text, as the model wrote it."""
    fenced: bool = False
    """The call was code between fences, inside of thinking."""


class ToolAnswered(Event):
    """What came of such a call; its tokens, if it has any, begin at this position. `infra` is not the model's doing."""

    id: str
    name: str
    status: str
    text: str
    seconds: float
    fenced: bool = False
    refused: bool = False
    """The call was not made: a limit was met, or it could have been taken back."""


class Asked(Event):
    """A side call has ended: an auxiliary model was asked, or the served one was probed; none of it is kept.

    `error` says why there is no reply.
    """

    by: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    reply: str = ""
    error: str | None = None


class Finished(Event):
    """The end. With `answer_chars` the answer text ends after that many characters: a stop string began there."""

    reason: FinishReason
    by: str
    stop: str | None = None
    answer_chars: int | None = None


AnyEvent = (
    Rendered
    | Called
    | Appended
    | Dropped
    | Overshot
    | ContextReplaced
    | Acted
    | Decided
    | Noted
    | ToolCalled
    | ToolAnswered
    | Asked
    | Finished
)
