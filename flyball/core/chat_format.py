"""The chat format protocol: how a model family marks thinking, calls and results, and renders messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

import msgspec

from .events import Channel


class Thinking(StrEnum):
    """What the prompt asks of the model before it answers."""

    DEFAULT = "default"
    """What the family's template does by itself."""
    ON = "on"
    """The prompt ends inside an open thinking block."""
    OFF = "off"
    """The prompt ends after an empty or closed thinking block."""
    AUTO = "auto"
    """The prompt ends where the model's next token decides."""


class Mark(NamedTuple):
    """What one token means at its place: the channel it belongs to, whether it is a marker, what comes after it."""

    channel: Channel
    marker: bool
    after: Channel


class Tracker(Protocol):
    """Follows the channel of a trajectory token by token. Cheap: called for special tokens only.

    `special` are the ids that may change the channel; every other token keeps it, except while `busy` (inside a
    multi-token header, as in gpt-oss), when every token must be shown.
    """

    special: frozenset[int]
    channel: Channel
    busy: bool

    def see(self, token: int) -> Mark: ...

    def fork(self) -> Tracker:
        """An independent copy, to return to after an edit."""
        ...


class CallDelta(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of a tool call as a client sees it. `name` is set in the first piece of a call only."""

    index: int
    name: str | None = None
    arguments: str = ""


class CallParser(Protocol):
    """Turns the text of call channels into tool calls while it arrives; one parser serves a whole answer."""

    count: int

    def feed(self, text: str) -> list[CallDelta]: ...

    def close(self) -> tuple[list[CallDelta], str]:
        """The call's text has ended: the last pieces, and the raw text where it was no call at all."""
        ...


class ForcedCall(NamedTuple):
    """How a family writes a call that must be made: text before it, a JSON schema for its body, text after it."""

    opening: str
    schema: dict[str, Any]
    closing: str


class Decision(NamedTuple):
    """Where the model itself decides whether to think: the ids that, sampled first, mean that it does not."""

    prefix: str
    """Text after the generation prompt, up to the deciding token. A prompt rendered with AUTO ends with it already."""
    no_think_ids: tuple[int, ...]


class Fence(NamedTuple):
    """How a family writes code that runs inside of its thinking, and what came of it."""

    languages: tuple[str, ...]
    """Words behind the opening fence, the first of which names the tool."""
    output: str
    """What follows the closing fence; {} stands for the result."""


class Answer(NamedTuple):
    """A tool call of the turn that has just ended, and what the tool gave."""

    id: str
    name: str
    arguments: str
    """JSON text."""
    result: str


class ChatFormat(Protocol):
    """One model family. Everything that depends on how a family writes goes through here.

    Errors: RequestError when the family's template refuses the messages.
    """

    name: str
    thinks: bool
    """Whether the family thinks at all."""
    reads_effort: bool
    """Whether the family's template is told of a `reasoning_effort`, which its models were trained to heed."""
    reflection_words: tuple[str, ...]
    """Words that begin a new thought at the beginning of a paragraph."""
    eos_ids: frozenset[int]
    think_end_id: int | None
    """The token that closes thinking."""
    think_open_ids: tuple[int, ...]
    """What opens thinking, when it is written for the model."""
    answer_open_ids: tuple[int, ...]
    """What stands between the closing token and the answer."""
    decision: Decision | None
    fence: Fence | None
    """None: the family writes no code in its thinking."""
    turn_ids: frozenset[int]
    """Tokens that stand before an assistant turn."""
    call_turn_end: str
    """What ends a turn that holds calls."""

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        thinking: Thinking,
        template_args: Mapping[str, Any],
    ) -> list[int]: ...

    def tracker(self, prompt_ids: Sequence[int], *, tools: bool = False) -> Tracker:
        """A tracker that stands at the end of the prompt. Without tools a call's markers are ordinary answer text."""
        ...

    def encode(self, text: str) -> list[int]:
        """Ids of text that is appended: tokenised alone, markers recognised, nothing added."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, markers included."""
        ...

    def text_stream(self) -> TextStream: ...

    def encode_foreign(self, text: str) -> list[int]:
        """Ids of text that others wrote, inside of which no marker is one."""
        ...

    def quoted(self, text: str) -> str:
        """Text that others wrote, to stand in the content of a message: no marker in it is one when it is rendered."""
        ...

    def render_results(
        self, answers: Sequence[Answer], thinking: Thinking, template_args: Mapping[str, Any]
    ) -> list[int]:
        """What follows the end of a turn whose calls were answered, up to the beginning of the next assistant turn.

        No marker inside of a result is one.
        """
        ...

    def close_thinking(self, phrase: str) -> list[int]:
        """Ids that end open thinking with a phrase and lead to the answer."""
        ...

    def call_parser(self) -> CallParser: ...

    def forced_call(self, tools: Sequence[Mapping[str, Any]]) -> ForcedCall: ...


class TextStream(Protocol):
    """Decodes one run of tokens while it arrives; text comes once its characters are whole."""

    def feed(self, ids: Sequence[int]) -> str: ...

    def fork(self) -> TextStream:
        """An independent copy, to return to after an edit."""
        ...
