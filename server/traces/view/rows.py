"""A trajectory in rows: a stretch of text, and beside it what happened there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ....core.decision import Decision
from ....core.events import (
    Acted,
    AnyEvent,
    Asked,
    Called,
    ContextReplaced,
    Decided,
    Dropped,
    Finished,
    Noted,
    ToolAnswered,
    ToolCalled,
)
from ..records import TrajectoryRecord
from .decoding import Decode, readable
from .items import Happening, Stretch, items_of


class Aside(NamedTuple):
    """What stands beside a text. `kind` is call, result, decision, edit, dropped, note, engine, context or end."""

    kind: str
    title: str
    detail: str = ""
    dropped: bool = False
    decision: Decision | None = None


class Row(NamedTuple):
    """A stretch with its text (None at the beginning, where something happened before any), and what happened behind it."""

    stretch: Stretch | None
    text: str
    asides: list[Aside]

    @property
    def part(self) -> str:
        """What the text is, in words. Example: "think, injected", "answer, dropped by trimr"."""
        if self.stretch is None:
            return ""
        words = [str(self.stretch.channel)]
        words += [str(self.stretch.origin)] if self.stretch.origin != "sampled" else []
        words += ["marker"] if self.stretch.marker else []
        words += [f"dropped by {self.stretch.dropped_by}"] if self.stretch.dropped_by else []
        return ", ".join(words)


def rows_of(record: TrajectoryRecord, decode: Decode) -> list[Row]:
    """The rows of a trajectory, in the order in which it was written."""
    rows: list[Row] = []
    for item in items_of(record.log):
        if isinstance(item, Stretch):
            rows.append(Row(item, readable(item.ids, decode), []))
            continue
        if not rows:
            rows.append(Row(None, "", []))
        rows[-1].asides.extend(_aside(item, decode))
    return rows


def _aside(item: Happening, decode: Decode) -> Sequence[Aside]:
    event = item.event
    match event:
        case ToolCalled():
            return [Aside("call", f"calls {event.name}", event.arguments, item.dropped)]
        case ToolAnswered():
            title = f"{event.name}: {event.status}, {event.seconds:.3g} s"
            return [Aside("result", title, event.text, item.dropped)]
        case Decided():
            return [Aside("decision", _decision(event.decision), decision=event.decision)]
        case Dropped():
            return [Aside("dropped", f"{_tokens(len(event.ids))} dropped by {event.by}")]
        case ContextReplaced():
            return [Aside("context", f"{event.by} replaced what the engine sees", readable(event.ids, decode))]
    return _words(event)


def _words(event: AnyEvent) -> Sequence[Aside]:
    match event:
        case Acted():
            late = ", late" if event.late else ""
            return [Aside("edit", f"{event.controller} at {event.boundary}{late}: {', '.join(event.edits)}")]
        case Noted():
            return [Aside("note", f"{event.by}: {event.text}")]
        case Asked():
            said = event.reply if event.error is None else f"failed: {event.error}"
            figures = f"{event.prompt_tokens} + {_tokens(event.completion_tokens)}, {event.seconds:.3g} s"
            return [Aside("note", f"{event.by} asks {event.model} ({figures})", said)]
        case Called():
            return [Aside("engine", f"engine call {event.call + 1}")]
        case Finished():
            stop = f" ({event.stop!r})" if event.stop is not None else ""
            return [Aside("end", f"{event.reason} by {event.by}{stop}")]
    return []


def _decision(decision: Decision) -> str:
    """Example: "think: no_think of think, no_think by model, p = 0.905"."""
    chance = "unknown" if decision.probability is None else f"{decision.probability:.3g}"
    chosen, candidates = ", ".join(decision.chosen) or "nothing", ", ".join(decision.candidates)
    return f"{decision.kind}: {chosen} of {candidates} by {decision.policy}, p = {chance}"


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count} tokens"
