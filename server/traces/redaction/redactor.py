"""Takes out of records what must not be stored. Runs in the writer's thread, never in a request."""

from __future__ import annotations

from typing import Protocol

from ..records import EpisodeRecord, Feedback


class Redactor(Protocol):
    """Gives back copies; what it is given is still in use."""

    def record(self, record: EpisodeRecord) -> EpisodeRecord: ...

    def feedback(self, given: Feedback) -> Feedback: ...


class AsItIs:
    """Takes nothing out: for records that hold no clients' text."""

    def record(self, record: EpisodeRecord) -> EpisodeRecord:
        """The record."""
        return record

    def feedback(self, given: Feedback) -> Feedback:
        """The feedback."""
        return given
