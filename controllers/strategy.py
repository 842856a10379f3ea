"""The strategy protocol: starts several trajectories of one request and says which one answers it.

To add a strategy, add one file to `controllers/strategies/` (or publish the class through the entry point group
`flyball.strategies`): see docs/controllers.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import msgspec

from ..core.chat_format import Thinking
from ..core.errors import AdmissionError, RequestError
from ..core.ledger import Ledger
from ..core.model import ModelReply
from ..core.trajectory import Trajectory
from ..tools.result import Result
from .controller import Params
from .named import Named
from .side import Question

Refusal = RequestError | AdmissionError
"""Why a trajectory was not started: the budget, or the server, takes no more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trajectory that has ended, and the answer text that a client would see."""

    index: int
    trajectory: Trajectory
    text: str


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """How one trajectory differs from what the request asks for; what is None or empty is as there."""

    messages: tuple[Mapping[str, Any], ...] | None = None
    """In place of the request's, as its controllers have planned them."""
    thinking: Thinking | None = None
    opening: str = ""
    """Written for the model at the beginning of its turn; markers in it are markers."""
    controllers: tuple[Named, ...] = ()
    """They are asked after the request's."""
    temperature: float | None = None
    logprobs: int | None = None
    """Log-probabilities of so many of the likeliest tokens at every place, for controllers to see."""
    max_tokens: int | None = None


AS_ASKED = Variant()


class Trials(Protocol):
    """What a strategy works with: trajectories of one request that it may start."""

    @property
    def messages(self) -> tuple[Mapping[str, Any], ...]:
        """The request's, as its controllers have planned them."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The request's. To look at: what is started or asked is charged by itself."""
        ...

    def start(self, index: int, *, among: int, variant: Variant = AS_ASKED) -> Awaitable[Outcome]:
        """Decode trajectory `index`, with an `among`-th of what the budget still has. Cancelling the task ends it.

        Errors: AdmissionError or RequestError when the budget or the server takes no more trajectories.
        """
        ...

    def ask(self, model: str, question: Question) -> Awaitable[ModelReply]:
        """Ask an auxiliary model ("self": the served one), within what the budget has left. It is logged.

        Errors: RequestError, EngineError and its kinds.
        """
        ...

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Result:
        """Call a tool of the server's that the request names, in a session of its own; it is paid like any call.

        An unknown tool is a `user_error`; a server that takes no more sessions is `infra`.
        """
        ...

    def note(self, text: str, figures: Mapping[str, float]) -> None:
        """Say in the response what was done."""
        ...


class Strategy(Protocol):
    """Combines several trajectories. One object serves one request. Built as `Strategy(params, setting)`."""

    params: ClassVar[type[Params]]
    needs_variety: ClassVar[bool]
    """Whether samples that are all the same are of no use to it, so that temperature 0 is refused."""

    @property
    def fan_out(self) -> int:
        """The most trajectories that it starts; checked against the server's cap before anything runs."""
        ...

    async def run(self, trials: Trials) -> Outcome:
        """Start trajectories, and return the one that answers. What is still running afterwards is cancelled."""
        ...
