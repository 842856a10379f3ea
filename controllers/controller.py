"""The controller protocol: watches one trajectory and may edit it at a boundary.

To add a controller, add one file to `controllers/methods/` (or publish the class through the entry point group
`flyball.controllers`): see docs/controllers.md.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict

from ..core.chat_format import ChatFormat, Thinking
from ..core.decision import Decision
from ..core.engine import Abilities
from ..core.events import Channel
from ..core.ledger import Ledger
from ..core.trajectory import Trajectory
from ..tools.result import Result
from .boundary import AnyWatch, Boundary
from .edits import Edit
from .side import SideCalls

S = TypeVar("S")


class Params(BaseModel):
    """Base of every controller's and strategy's parameters: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reach(Enum):
    """How far back a controller may still change what was decoded; until then it is not sent to the client."""

    NONE = "none"
    """Only at the boundary's own position, at once."""
    VERDICTS = "verdicts"
    """Back to boundaries whose verdict is open, until it comes or its deadline passes."""
    CALLS = "calls"
    """Back to the end of the results before the last ones, over calls that were made: what these changed stays changed."""
    TRAJECTORY = "trajectory"
    """Anything, until the end."""


class Plan(msgspec.Struct, frozen=True):
    """What is about to be rendered: controllers may change it at the request boundary, in the request's order."""

    messages: tuple[Mapping[str, Any], ...]
    thinking: Thinking = Thinking.DEFAULT
    template_args: Mapping[str, Any] = {}
    call_limit: int | None = None
    """Calls of tools that the server makes for one trajectory; None: as many as its rounds and the budget allow."""
    offer_tools: bool = True
    """Whether the model is told of tools, and the server runs them; it always does with one that must be called."""
    thinking_given: bool = False
    """Whether a strategy has said if this trajectory thinks: then it is not for controllers to decide."""


class Setting(NamedTuple):
    """What a controller is built with, besides its parameters."""

    format: ChatFormat
    abilities: Abilities
    tools: frozenset[str] = frozenset()
    """Tools that the model is told of: the server's and the client's."""
    fenced: str | None = None
    """The tool that runs code between fences in the thinking."""
    models: frozenset[str] = frozenset()
    """The auxiliary models that may be asked; "self" is the served one."""
    budget: Mapping[str, float] = {}
    """What the request may spend, by the ledger's items."""


class View(Protocol):
    """What a controller may see of a trajectory when it is asked. Read only."""

    @property
    def trajectory(self) -> Trajectory: ...

    @property
    def format(self) -> ChatFormat: ...

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def side(self) -> SideCalls:
        """Calls beside the trajectory: auxiliary models, and probes of the served one."""
        ...

    @property
    def random(self) -> random.Random:
        """Seeded by the trajectory's seed and the position: the same on a second run."""
        ...

    @property
    def channel(self) -> Channel: ...

    def text(self, start: int, end: int | None = None) -> str:
        """The text of kept tokens from `start` on."""
        ...

    def rendered(self, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        """The prompt's ids, had the request these messages. Errors: RequestError."""
        ...


class Pending(NamedTuple):
    """A verdict that comes later, while decoding goes on. `seconds` is its deadline.

    One that does not hold may come whenever it comes: nothing waits for it, what was decoded is sent at once, and `verdict`
    must not edit; what it learned acts at the controller's next boundary.
    """

    wait: Callable[[], Awaitable[Any]]
    seconds: float
    holds: bool = True


class FailedCall(NamedTuple):
    """A call of a tool of the server's that has failed, before the model sees it."""

    name: str
    arguments: str
    """JSON text, as the model wrote it."""
    fenced: bool
    result: Result


class Ruling(NamedTuple, Generic[S]):
    """What a controller answers: its next state, edits, decisions to log, and perhaps a verdict that is still open."""

    state: S
    edits: tuple[Edit, ...] = ()
    decisions: tuple[Decision, ...] = ()
    pending: Pending | None = None


class Controller(Protocol[S]):
    """Watches one trajectory. One object serves every trajectory of a request, so what it remembers is in the state.

    The state is an immutable value; the loop keeps it per position and goes back with the trajectory. `at` and `verdict`
    are pure functions of their arguments: the loop may call `verdict` on several kept states. Built as
    `Controller(params, setting)`; a RequestError raised there names one of its own parameters.
    """

    params: ClassVar[type[Params]]
    watches: Sequence[AnyWatch]
    reach: Reach

    def plan(self, plan: Plan) -> Plan:
        """The request boundary: change what is rendered."""
        ...

    def initial(self) -> S: ...

    def at(self, state: S, boundary: Boundary, view: View) -> Ruling[S]:
        """A watched boundary was reached."""
        ...

    def verdict(self, state: S, boundary: Boundary, result: Any, view: View) -> Ruling[S]:
        """The verdict that was opened at `boundary` is there; None when it failed or came too late."""
        ...

    def mend(self, state: S, failed: FailedCall, view: View) -> Pending | None:
        """A call has failed: work whose Result is to stand in place of its own. None: it stays as it is."""
        ...

    def beside_results(self, state: S, view: View) -> str:
        """Results of the server's tools are about to be appended: what is to stand behind the last of them, if anything.

        It is part of what the tool gave: inside of its turn, or behind the output of fenced code.
        """
        ...


class BaseController(Generic[S]):
    """What most controllers do not need to write: no plan, no state, no reach, no verdicts."""

    params: ClassVar[type[Params]] = Params
    watches: Sequence[AnyWatch] = ()
    reach: Reach = Reach.NONE

    def plan(self, plan: Plan) -> Plan:
        return plan

    def initial(self) -> S:
        return None  # type: ignore[return-value]  # a controller with a state says how it begins

    def at(self, state: S, boundary: Boundary, view: View) -> Ruling[S]:
        return Ruling(state)

    def verdict(self, state: S, boundary: Boundary, result: Any, view: View) -> Ruling[S]:
        return Ruling(state)

    def mend(self, state: S, failed: FailedCall, view: View) -> Pending | None:
        return None

    def beside_results(self, state: S, view: View) -> str:
        return ""
