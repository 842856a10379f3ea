"""What the client is shown: a fold of the trajectory's committed tokens, the same for a streamed and a plain body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..core.chat_format import CallDelta, CallParser, ChatFormat
from ..core.engine import TokenLogprob
from ..core.events import Channel, Dropped, Origin, Overshot, ToolAnswered
from ..core.trajectory import Run, Trajectory
from .server_tools import ServerTools
from .shown_text import ShownText
from .turn import event_of


class Part(msgspec.Struct, frozen=True):
    """A stretch of text with where it comes from; `dropped` text was decoded and taken back."""

    channel: Channel
    origin: Origin
    text: str
    dropped: bool = False


class Piece(msgspec.Struct):
    """What is new for the client."""

    reasoning: str = ""
    content: str = ""
    calls: list[CallDelta] = msgspec.field(default_factory=list)
    logprobs: list[tuple[int, TokenLogprob]] = msgspec.field(default_factory=list)
    """Of answer tokens that the model sampled, as (id, log-probabilities)."""
    parts: list[Part] = msgspec.field(default_factory=list)
    events: list[dict[str, Any]] = msgspec.field(default_factory=list)
    """Calls of the server's tools and their results."""

    def __bool__(self) -> bool:
        return bool(self.reasoning or self.content or self.calls or self.logprobs or self.parts or self.events)


class Transcript:
    """The fold. Feed it the committed length as it grows; the pieces' texts concatenate to the plain body.

    Markers are not shown, nor the line breaks that follow them. Calls of the server's tools and their results are shown
    as reasoning. With `parts` each piece also says where its text comes from, and shows what was dropped; with `events`
    it also tells of calls and results.
    """

    def __init__(
        self,
        trajectory: Trajectory,
        format: ChatFormat,
        *,
        calls: bool,
        logprobs: bool,
        parts: bool = False,
        events: bool = False,
        server: ServerTools | None = None,
        choice: int = 0,
    ) -> None:
        self._trajectory, self._format = trajectory, format
        self._logprobs, self._parts, self._events = logprobs, parts, events
        self._server, self._choice = server, choice
        self._indices: dict[int, int] = {}
        """Of the client's calls: by their number among all calls, that among the client's."""
        self._told = 0
        self._parser: CallParser | None = format.call_parser() if calls else None
        self._at = 0
        self._run = 0
        self._shown = ShownText(format, in_thinking=format.tracker(trajectory.prompt_ids).channel is Channel.THINK)
        self._answer_chars = 0
        self._log_at = 0

    @property
    def calls(self) -> int:
        """Calls of the client's tools shown so far."""
        return len(self._indices)

    def advance(self, to: int) -> Piece:
        """What the tokens up to `to` add."""
        piece = Piece()
        if self._parts:
            self._show_dropped(piece, to)
        self._show_kept(piece, to)
        if self._events:
            self._tell(piece, to)
        return piece

    def _tell(self, piece: Piece, to: int) -> None:
        for event in self._trajectory.tool_events[self._told :]:
            if event.position > to:
                break
            self._told += 1
            piece.events.append(event_of(event, self._choice))

    def _show_kept(self, piece: Piece, to: int) -> None:
        runs = self._trajectory.runs
        while self._at < to:
            last = self._run + 1 == len(runs)
            if not last and runs[self._run + 1].start == self._at:
                self._run += 1
                continue
            end = to if last else min(to, runs[self._run + 1].start)
            self._show(piece, runs[self._run], self._at, end)
            self._at = end

    def close(self) -> Piece:
        """What is left once the trajectory has finished."""
        end = len(self._trajectory.ids)
        piece = self.advance(end)
        self._end_call(piece)
        self._show_answers(piece, self._trajectory.answers_at(end))
        return piece

    def _show(self, piece: Piece, run: Run, start: int, end: int) -> None:
        shown, ids = self._shown, self._trajectory.ids[start:end]
        if run.marker or run.channel is not shown.channel:
            self._end_call(piece)
        if run.marker:
            shown.marker(run.channel, ids)
            return
        shown.enter(run.channel)
        stripping = shown.strips
        text = shown.feed(ids)
        if run.channel is Channel.THINK:
            piece.reasoning += text
        elif run.channel is Channel.ANSWER:
            text = self._cut_at_stop(text)
            piece.content += text
            if self._logprobs and run.origin is Origin.SAMPLED:
                self._show_logprobs(piece, start, ids, stripping)
        elif run.channel is Channel.CALL and self._parser is not None:
            self._show_calls(piece, self._parser.feed(text))
        elif run.channel is Channel.RESULT and start == run.start:
            self._show_result(piece, self._trajectory.answers_at(start), text)
        if self._parts and text:
            piece.parts.append(Part(run.channel, run.origin, text))

    def _cut_at_stop(self, text: str) -> str:
        """The text, cut where a stop string began."""
        finished = self._trajectory.finished
        if finished is not None and finished.answer_chars is not None:
            text = text[: max(0, finished.answer_chars - self._answer_chars)]
        self._answer_chars += len(text)
        return text

    def _show_logprobs(self, piece: Piece, start: int, ids: Sequence[int], stripping: bool) -> None:
        """Of the tokens that are shown: not of line breaks that are stripped."""
        known = self._trajectory.logprobs
        for offset, token in enumerate(ids):
            stripping = stripping and not self._format.decode([token]).strip("\n")
            if stripping:
                continue
            if (logprob := known.get(start + offset)) is not None:
                piece.logprobs.append((token, logprob))

    def _show_calls(self, piece: Piece, deltas: Sequence[CallDelta]) -> None:
        for delta in deltas:
            if delta.name is not None and (self._server is None or not self._server.runs(delta.name)):
                self._indices[delta.index] = len(self._indices)
            if (index := self._indices.get(delta.index)) is not None:
                piece.calls.append(CallDelta(index, delta.name, delta.arguments))
            elif delta.name is not None:
                piece.reasoning += f"\nCalling {delta.name}: {delta.arguments}"
            else:
                piece.reasoning += delta.arguments

    def _show_result(self, piece: Piece, answers: Sequence[ToolAnswered], text: str) -> None:
        """Fenced code has its output as it was written, template calls what the tool gave."""
        if any(answer.fenced for answer in answers):
            piece.reasoning += text
        else:
            self._show_answers(piece, answers)

    def _show_answers(self, piece: Piece, answers: Sequence[ToolAnswered]) -> None:
        for answer in answers:
            failed = "" if answer.status == "ok" else f" ({answer.status})"
            piece.reasoning += f"\nResult of {answer.name}{failed}: {answer.text}\n"

    def _end_call(self, piece: Piece) -> None:
        if self._shown.channel is Channel.CALL and self._parser is not None:
            calls, raw = self._parser.close()
            self._show_calls(piece, calls)
            if self._shown.thinking:
                piece.reasoning += raw
            else:
                piece.content += raw

    def _show_dropped(self, piece: Piece, to: int) -> None:
        """What was dropped since, each after the kept text that stands before it."""
        log = self._trajectory.log
        for event in log[self._log_at :]:
            if isinstance(event, Dropped | Overshot):
                self._show_kept(piece, min(event.position, to))
                text = self._format.decode(event.ids)
                piece.parts.append(Part(event.channel, Origin.SAMPLED, text, dropped=True))
        self._log_at = len(log)
