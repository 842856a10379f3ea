"""The strategy protocol: starts several trajectories of one request and says which one answers it.

To add a strategy, add one file to `controllers/strategies/` (or publish the class through the entry point group
`flyball.strategies`): see docs/controllers.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from ..core.trajectory import Trajectory
from .controller import Params


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trajectory that has ended, and the answer text that a client would see."""

    index: int
    trajectory: Trajectory
    text: str


class Trials(Protocol):
    """What a strategy works with: trajectories of one request that it may start."""

    def start(self, index: int, *, among: int) -> Awaitable[Outcome]:
        """Decode trajectory `index`, with an `among`-th of what the budget still has. Cancelling the task ends it.

        Errors: AdmissionError or RequestError when the budget or the server takes no more trajectories.
        """
        ...

    def note(self, text: str, figures: Mapping[str, float]) -> None:
        """Say in the response what was done."""
        ...


class Strategy(Protocol):
    """Combines several trajectories. One object serves one request."""

    params: ClassVar[type[Params]]

    @property
    def fan_out(self) -> int:
        """The most trajectories that it starts; checked against the server's cap before anything runs."""
        ...

    async def run(self, trials: Trials) -> Outcome:
        """Start trajectories, and return the one that answers. What is still running afterwards is cancelled."""
        ...
