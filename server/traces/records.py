"""What the server hands to the trace store, and what a reader gives back: the same plain data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from ...core.decision import Decision
from ...core.events import AnyEvent, Appended, Decided, FinishReason
from ...core.trajectory import Tally, Trajectory

HIDDEN = -1
"""Stands in a stored log for the id of a token that redaction took out."""


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says of an episode; `by` tells several of one client apart."""

    by: str = ""
    score: float | None = None
    label: str | None = None
    comment: str | None = None
    created: datetime
    """Must carry a time zone."""


class TrajectoryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One trajectory of an episode. The log is handed over: nobody changes it any more."""

    index: int
    """Its place in the episode, from 0."""
    seed: int | None
    """The child seed."""
    finish: FinishReason | None
    """None: it never finished, because something failed."""
    tally: Tally
    weight_version: str | None = None
    """That of the last sampled tokens; the log has all."""
    log: list[AnyEvent]

    def decisions(self) -> list[Decision]:
        """The choices made along it, in order."""
        return [event.decision for event in self.log if type(event) is Decided]


class EpisodeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One request and what became of it. Only these fields are stored; headers and keys have no place here."""

    id: str
    created: datetime
    """When the request arrived; must carry a time zone."""
    model: str
    preset: str | None = None
    messages: list[dict[str, Any]]
    flyball: Mapping[str, Any] | None = None
    """The request's `flyball` block."""
    sampling: Mapping[str, Any] = {}
    """Sampling parameters as the client sent them."""
    outcome: str
    """The finish reason that the client was told, "cancelled" or "error"."""
    ledger: Mapping[str, Mapping[str, float]] = {}
    """`Ledger.summary()`."""
    seconds: float
    owner: str | None = None
    """A salted hash of the client's key; None: it had none."""
    tokenizer: str | None = None
    """What reads the ids: a folder, a hub name, or a packaged model's name."""
    format: str | None = None
    """The chat format."""
    redacted: int = 0
    """How many tokens and stretches of text were taken out before it was stored."""
    trajectories: list[TrajectoryRecord]
    feedback: tuple[Feedback, ...] = ()
    """Given afterwards; a writer ignores it."""

    def controllers(self) -> list[str]:
        """The names of those that the request asked for, in its order."""
        return [str(each["name"]) for each in (self.flyball or {}).get("controllers", ())]


def trajectory_record(trajectory: Trajectory, index: int = 0, seed: int | None = None) -> TrajectoryRecord:
    """The record of a trajectory that will not grow any more."""
    versions = (event.weight_version for event in reversed(trajectory.log) if type(event) is Appended)
    return TrajectoryRecord(
        index=index,
        seed=seed,
        finish=trajectory.finished.reason if trajectory.finished else None,
        tally=trajectory.tally(),
        weight_version=next(filter(None, versions), None),
        log=trajectory.log,
    )
