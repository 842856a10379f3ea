"""What controllers see of a trajectory: `View`, over the loop's own state."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.chat_format import ChatFormat
from ..core.events import Channel
from ..core.ledger import Ledger
from ..core.trajectory import Trajectory
from .scanner import Scanner


def derived_seed(*parts: object) -> int:
    """A 63-bit seed that depends on every part and on nothing else: the same on every machine and run."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def child_seed(seed: int, index: int) -> int:
    """seed + index, from the largest 64-bit integer on to the smallest."""
    return (seed + index + 2**63) % 2**64 - 2**63


class TrajectoryView:
    """Implements `controller.View`."""

    def __init__(
        self,
        trajectory: Trajectory,
        format: ChatFormat,
        messages: Sequence[Mapping[str, Any]],
        ledger: Ledger,
        scanner: Scanner,
        seed: int,
    ) -> None:
        self.trajectory, self.format, self.messages, self.ledger = trajectory, format, messages, ledger
        self._scanner, self._seed = scanner, seed
        self.position = 0
        """The boundary's that is asked about."""

    @property
    def random(self) -> random.Random:
        """Seeded by the trajectory's seed and the position: asking again gives the same numbers."""
        return random.Random(derived_seed("view", self._seed, self.position))

    @property
    def channel(self) -> Channel:
        """Where the next token will be."""
        return self._scanner.channel

    def text(self, start: int, end: int | None = None) -> str:
        """The text of kept tokens from `start` on, markers included."""
        return self.format.decode(self.trajectory.ids[start:end])
