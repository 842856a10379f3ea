"""Whether a server is put aside, and until when."""

from __future__ import annotations

import time

SOFT_FAILURES = 5
"""Failed answers in a row that put a server aside: one of them may be the request's own fault."""


class Health:
    """Counts failures of one server. Times are seconds of the monotonic clock.

    A hard failure (no connection, connection lost, nothing in time) puts the server aside at once; a soft one (a 5xx)
    after several in a row. A success forgets them all; an answered probe only ends the time aside, so that a server
    that answers probes and fails calls stays aside longer each time.
    """

    def __init__(self, aside_s: float, aside_max_s: float) -> None:
        self._aside_s = aside_s
        self._aside_max_s = aside_max_s
        self._times_aside = 0
        self.failures = 0
        self.failing = False
        self.probe_at = 0.0

    def call_failed(self, hard: bool) -> bool:
        """Counts a failed call; True when it puts the server aside just now."""
        self.failures += 1
        if self.failing or not (hard or self.failures >= SOFT_FAILURES):
            return False
        self.probe_failed()
        return True

    def probe_failed(self) -> None:
        """Puts the server aside, for longer each time."""
        seconds = min(self._aside_s * 2.0 ** min(self._times_aside, 30), self._aside_max_s)
        self.failing = True
        self.failures += 1
        self.probe_at = time.monotonic() + seconds
        self._times_aside += 1

    def probe_answered(self) -> None:
        self.failing = False

    def call_worked(self) -> None:
        self.failing = False
        self.failures = 0
        self._times_aside = 0
