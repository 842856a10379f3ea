"""Takes all text out: what was decided and what it cost stays, what anybody wrote does not."""

from __future__ import annotations

from typing import Any

import msgspec

from ....core.events import (
    AnyEvent,
    Appended,
    Asked,
    ContextReplaced,
    Dropped,
    Finished,
    Noted,
    Overshot,
    Rendered,
    ToolAnswered,
    ToolCalled,
)
from ..records import HIDDEN, EpisodeRecord, Feedback, TrajectoryRecord
from .patterns import REDACTED
from .values import changed_except

_NAMES = frozenset({"role", "type", "name", "tools", "mode", "id", "tool_call_id"})
"""What stands under these says what was asked for, in words of ours."""
_IN_MESSAGES = frozenset({"role", "type"})


class HideText:
    """Hides every token and every text of messages, parameters, calls, results and comments."""

    def record(self, record: EpisodeRecord) -> EpisodeRecord:
        """A copy; `redacted` counts the tokens, and one for the request."""
        trajectories = [_trajectory(each) for each in record.trajectories]
        tokens = sum(len(event.ids) for each in record.trajectories for event in each.log if isinstance(event, _TOKENS))
        return msgspec.structs.replace(
            record,
            messages=changed_except(record.messages, _hidden, _IN_MESSAGES),
            flyball=changed_except(record.flyball, _hidden, _NAMES),
            sampling=changed_except(record.sampling, _hidden, frozenset()),
            trajectories=trajectories,
            redacted=record.redacted + tokens + 1,
        )

    def feedback(self, given: Feedback) -> Feedback:
        """A copy without the comment."""
        return msgspec.structs.replace(given, comment=given.comment and REDACTED)


_TOKENS = Rendered | Appended | Dropped | Overshot | ContextReplaced


def _hidden(_: str) -> str:
    return REDACTED


def _trajectory(record: TrajectoryRecord) -> TrajectoryRecord:
    return msgspec.structs.replace(record, log=[_event(event) for event in record.log])


def _event(event: AnyEvent) -> AnyEvent:
    changes: dict[str, Any] = {}
    match event:
        case Rendered() | Appended() | Dropped() | Overshot() | ContextReplaced():
            changes = {"ids": [HIDDEN] * len(event.ids)}
        case ToolCalled():
            changes = {"arguments": "{}"}
        case ToolAnswered() | Noted():
            changes = {"text": REDACTED}
        case Asked():
            changes = {"reply": event.reply and REDACTED, "error": event.error and REDACTED}
        case Finished():
            changes = {"stop": event.stop and REDACTED}
    return msgspec.structs.replace(event, **changes) if changes else event
