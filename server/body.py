"""An episode as OpenAI bodies: one plain body, or the chunks of a stream. Both are folds of the same pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..controllers.episode import Ended, Episode
from ..controllers.transcript import Piece
from ..core.chat_format import CallDelta, ChatFormat
from ..core.engine import TokenLogprob
from .pending_turns import HANDED
from .report import flyball_report, usage_of
from .wire.responses import (
    ChatCompletion,
    Choice,
    ChoiceLogprobs,
    Chunk,
    ChunkChoice,
    DeltaOut,
    MessageOut,
    TokenLogprobEntry,
    ToolCallOut,
    ToolCallPiece,
    TopLogprob,
    Usage,
)

_encode = msgspec.json.Encoder().encode


class Head(msgspec.Struct, frozen=True):
    """What every chunk of one response repeats."""

    id: str
    created: int
    model: str
    reasoning_fields: tuple[str, ...]


def call_id(response_id: str, choice: int, index: int, *, handed: bool) -> str:
    """The id of one tool call: the same in a stream and in a plain body. `handed`: the server has tools of its own."""
    return f"call_{response_id.removeprefix('chatcmpl-')}_{choice}_{index}{HANDED if handed else ''}"


def logprob_entries(logprobs: Sequence[tuple[int, TokenLogprob]], format: ChatFormat, top: int) -> ChoiceLogprobs:
    """Answer tokens in OpenAI's shape."""

    def text(token: int) -> tuple[str, list[int]]:
        decoded = format.decode([token])
        return decoded, list(decoded.encode())

    entries = []
    for token, logprob in logprobs:
        others = [TopLogprob(text(other)[0], value, text(other)[1]) for other, value in logprob.top[:top]]
        decoded, raw = text(token)
        entries.append(TokenLogprobEntry(decoded, logprob.logprob, raw, others))
    return ChoiceLogprobs(entries)


class Stream:
    """Encodes the pieces of one streamed response."""

    def __init__(self, head: Head, episode: Episode, format: ChatFormat, top: int, usage: bool, each: bool) -> None:
        self._head, self._episode, self._format, self._top = head, episode, format, top
        self._usage, self._usage_each = usage, each
        self._begun: set[int] = set()
        self._open = 1 if episode.spec.strategy is not None else episode.spec.n

    def piece(self, index: int, piece: Piece, ended: Ended | None) -> bytes:
        """The events for one piece; empty when there is nothing to say."""
        events = b""
        if index not in self._begun:
            self._begun.add(index)
            events += self._event(ChunkChoice(index, DeltaOut(role="assistant", content="")))
        if piece.reasoning and (piece.content or piece.calls):
            events += self._delta(index, Piece(reasoning=piece.reasoning, parts=piece.parts))
            piece = Piece(content=piece.content, calls=piece.calls, logprobs=piece.logprobs, events=piece.events)
        if piece:
            events += self._delta(index, piece)
        if ended is not None:
            events += self._end(index, ended)
        return events

    def _end(self, index: int, ended: Ended) -> bytes:
        self._open -= 1
        choice = ChunkChoice(index, DeltaOut(), finish_reason=ended.reason, stop_reason=ended.stop)
        report = None if self._open or self._usage else flyball_report(self._episode)
        events = self._event(choice, report)
        if self._open == 0 and self._usage:
            events += self._chunk([], usage_of(self._episode), flyball_report(self._episode))
        return events

    def _delta(self, index: int, piece: Piece) -> bytes:
        delta = DeltaOut(content=piece.content or None)
        if piece.reasoning:
            for field in self._head.reasoning_fields:
                setattr(delta, field, piece.reasoning)
        if piece.calls:
            delta.tool_calls = [self._call(index, call) for call in piece.calls]
        choice = ChunkChoice(index, delta)
        if piece.logprobs:
            choice.logprobs = logprob_entries(piece.logprobs, self._format, self._top)
        told = ({"parts": piece.parts} if piece.parts else {}) | ({"events": piece.events} if piece.events else {})
        return self._event(choice, told or None)

    def _call(self, choice: int, call: CallDelta) -> ToolCallPiece:
        if call.name is None:
            return ToolCallPiece(call.index, {"arguments": call.arguments})
        function = {"name": call.name, "arguments": call.arguments}
        handed = self._episode.spec.server_tools is not None
        id = call_id(self._head.id, choice, call.index, handed=handed)
        return ToolCallPiece(call.index, function, id, "function")

    def _event(self, choice: ChunkChoice, report: dict[str, Any] | None = None) -> bytes:
        usage = usage_of(self._episode) if self._usage_each else msgspec.UNSET
        return self._chunk([choice], usage, report)

    def _chunk(
        self, choices: list[ChunkChoice], usage: Usage | msgspec.UnsetType, report: dict[str, Any] | None
    ) -> bytes:
        head = self._head
        chunk = Chunk(head.id, head.created, head.model, choices, usage=usage)
        if report is not None:
            chunk.flyball = report
        return b"data: " + _encode(chunk) + b"\n\n"


class _Gathered:
    """One choice of a plain body while its pieces come."""

    def __init__(self) -> None:
        self.reasoning: list[str] = []
        self.content: list[str] = []
        self.calls: dict[int, list[str]] = {}
        self.logprobs: list[tuple[int, TokenLogprob]] = []
        self.ended: Ended | None = None

    def add(self, piece: Piece, ended: Ended | None) -> None:
        self.reasoning.append(piece.reasoning)
        self.content.append(piece.content)
        for call in piece.calls:
            if call.name is not None:
                self.calls[call.index] = [call.name, ""]
            self.calls[call.index][1] += call.arguments
        self.logprobs += piece.logprobs
        self.ended = ended


class Plain:
    """Gathers the pieces of one response into a plain body."""

    def __init__(self, head: Head, episode: Episode, format: ChatFormat, top: int | None) -> None:
        self._head, self._episode, self._format, self._top = head, episode, format, top
        self._choices: dict[int, _Gathered] = {}
        self._events: list[dict[str, Any]] = []

    def add(self, index: int, piece: Piece, ended: Ended | None) -> None:
        """Take one piece."""
        self._choices.setdefault(index, _Gathered()).add(piece, ended)
        self._events += piece.events

    def encoded(self) -> bytes:
        """The whole body."""
        head = self._head
        choices = [self._choice(index, gathered) for index, gathered in sorted(self._choices.items())]
        report = flyball_report(self._episode)
        if self._episode.spec.events:
            report["events"] = self._events
        body = ChatCompletion(head.id, head.created, head.model, choices, usage_of(self._episode), report)
        return _encode(body)

    def _choice(self, index: int, gathered: _Gathered) -> Choice:
        assert gathered.ended is not None
        content = "".join(gathered.content)
        message = MessageOut("assistant", content if content or not gathered.calls else None)
        reasoning = "".join(gathered.reasoning)
        if reasoning:
            for field in self._head.reasoning_fields:
                setattr(message, field, reasoning)
        if gathered.calls:
            handed = self._episode.spec.server_tools is not None
            message.tool_calls = [
                ToolCallOut(
                    call_id(self._head.id, index, number, handed=handed),
                    "function",
                    {"name": name, "arguments": arguments},
                )
                for number, (name, arguments) in sorted(gathered.calls.items())
            ]
        choice = Choice(index, message, gathered.ended.reason, stop_reason=gathered.ended.stop)
        if self._top is not None:
            choice.logprobs = logprob_entries(gathered.logprobs, self._format, self._top)
        return choice
