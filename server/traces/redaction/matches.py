"""Takes out what patterns find: the default, which finds keys."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from ....core.events import AnyEvent, Decided, ToolCalled
from ..records import EpisodeRecord, Feedback, TrajectoryRecord
from .patterns import Patterns
from .tokens import Decode, hide_matches
from .values import ChangeText, changed

S = TypeVar("S", bound=msgspec.Struct)


class HideMatches:
    """Replaces what the patterns find in texts, and hides the tokens that hold it (`decode` reads them)."""

    def __init__(self, patterns: Patterns, decode: Decode) -> None:
        self._patterns, self._decode = patterns, decode

    def record(self, record: EpisodeRecord) -> EpisodeRecord:
        """A copy; `redacted` counts what was taken out."""
        work = _Work(self._patterns, self._decode)
        trajectories = [work.trajectory(each) for each in record.trajectories]
        return msgspec.structs.replace(
            record,
            messages=changed(record.messages, work.text),
            flyball=changed(record.flyball, work.text),
            sampling=changed(record.sampling, work.text),
            trajectories=trajectories,
            redacted=record.redacted + work.count,
        )

    def feedback(self, given: Feedback) -> Feedback:
        """A copy."""
        return changed_fields(given, _Work(self._patterns, self._decode).text)


class _Work:
    """One record's: counts."""

    def __init__(self, patterns: Patterns, decode: Decode) -> None:
        self._patterns, self._decode = patterns, decode
        self.count = 0

    def text(self, text: str) -> str:
        text, count = self._patterns.replaced(text)
        self.count += count
        return text

    def trajectory(self, record: TrajectoryRecord) -> TrajectoryRecord:
        log, hidden = hide_matches(record.log, self._patterns.find, self._decode)
        self.count += hidden
        return msgspec.structs.replace(record, log=[self.event(event) for event in log])

    def event(self, event: AnyEvent) -> AnyEvent:
        if isinstance(event, Decided):
            return msgspec.structs.replace(event, decision=changed_fields(event.decision, self.text))
        if isinstance(event, ToolCalled):
            event = msgspec.structs.replace(event, arguments=self.json_text(event.arguments))
        return changed_fields(event, self.text)

    def json_text(self, text: str) -> str:
        """JSON in which a key is written with escapes is written anew, without the key."""
        before = self.count
        try:
            redacted = changed(json.loads(text), self.text)
        except (ValueError, RecursionError):
            return text
        return text if self.count == before else json.dumps(redacted, ensure_ascii=False)


def changed_fields(struct: S, change: ChangeText) -> S:
    """A copy of a struct in which every field that is text, or holds text, is changed; words of an enumeration are not."""
    fields = {
        name: changed(value, change)
        for name in struct.__struct_fields__
        if type(value := getattr(struct, name)) in (str, tuple)
    }
    return msgspec.structs.replace(struct, **fields) if fields else struct
