"""What controllers see of a trajectory: `View`, over the loop's own state."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.events import Channel
from ..core.trajectory import Trajectory
from .scanner import Scanner
from .seeds import derived_seed
from .setup import Setup
from .side_calls import TrajectorySideCalls


class TrajectoryView:
    """Implements `controller.View`."""

    def __init__(
        self,
        trajectory: Trajectory,
        setup: Setup,
        scanner: Scanner,
        side: TrajectorySideCalls,
        seed: int,
    ) -> None:
        self.trajectory, self._setup = trajectory, setup
        self.format, self.messages, self.ledger = setup.format, setup.messages, setup.ledger
        self._scanner, self._seed, self._calls = scanner, seed, side
        self.side, self._position = side, 0

    def consult(self, controller: str, position: int) -> None:
        """From here on it is this controller that looks, at a boundary of this position."""
        self._position, self.side = position, self._calls.bound(controller, position)

    @property
    def random(self) -> random.Random:
        """Seeded by the trajectory's seed and the position: asking again gives the same numbers."""
        return random.Random(derived_seed("view", self._seed, self._position))

    @property
    def channel(self) -> Channel:
        """Where the next token will be."""
        return self._scanner.channel

    def text(self, start: int, end: int | None = None) -> str:
        """The text of kept tokens from `start` on, markers included."""
        return self.format.decode(self.trajectory.ids[start:end])

    def rendered(self, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        """The prompt's ids, had the request these messages. Errors: RequestError."""
        setup = self._setup
        return setup.format.render(messages, setup.tools or None, setup.thinking, setup.template_args)
