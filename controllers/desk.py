"""Opens a trajectory: asks the controllers that decide something before it is rendered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import msgspec

from ..core.engine import Sampling
from ..core.errors import FlyballError
from ..core.events import AnyEvent, Decided, Noted
from ..core.ledger import SECONDS
from ..core.model import ModelReply
from ..core.trajectory import Trajectory
from .controller import Plan
from .named import attributed
from .opening import Opens
from .probing import ProbeReply
from .seeds import derived_seed
from .setup import Setup
from .side import Question
from .side_calls import TrajectorySideCalls

T = TypeVar("T")
Render = Callable[[Plan], list[int]]


class Opened(NamedTuple):
    """The plan that a trajectory is rendered by, and what its log begins with."""

    plan: Plan
    log: tuple[AnyEvent, ...]


async def open_plan(setup: Setup, plan: Plan, render: Render) -> Opened:
    """Ask every controller that opens. Errors: ControllerError, RequestError when a plan cannot be rendered."""
    openers = [(named.name, named.controller) for named in setup.controllers if isinstance(named.controller, Opens)]
    if not openers:
        return Opened(plan, ())
    desk = TrajectoryDesk(setup, render)
    for name, controller in openers:
        desk.by = name
        with attributed(f"controller {name!r}"):
            opening = await controller.open(plan, desk)
        plan = opening.plan
        for decision in opening.decisions:
            desk.log.append(Decided(position=0, decision=decision))
    return Opened(plan, tuple(desk.log[1:]))


class TrajectoryDesk:
    """Implements `opening.Desk` for a trajectory that is not there yet; `by` is the controller that works at it."""

    def __init__(self, setup: Setup, render: Render) -> None:
        self.format, self.ledger = setup.format, setup.ledger
        self._seed = derived_seed(setup.request_id) if setup.seed is None else setup.seed
        self._render = render
        self._blank = Trajectory([])
        beside = msgspec.structs.replace(setup, request_id=f"{setup.request_id}-open")
        self._side = TrajectorySideCalls(self._blank, beside, derived_seed("open", self._seed))
        self._by = ""

    @property
    def by(self) -> str:
        return self._by

    @by.setter
    def by(self, name: str) -> None:
        self._by, self._side = name, self._side.bound(name, 0)

    @property
    def log(self) -> list[AnyEvent]:
        """Behind a prompt that is not known: what the trajectory's log will begin with."""
        return self._blank.log

    @property
    def random(self) -> random.Random:
        """Part of `Desk`."""
        return random.Random(derived_seed("open", self._seed, self._by))

    async def ask(self, model: str, question: Question, *, seconds: float) -> ModelReply | None:
        """Part of `Desk`."""
        return await self._attempt(self._side.ask(model, question), seconds)

    async def sample(
        self,
        plan: Plan,
        *,
        max_tokens: int,
        seconds: float,
        temperature: float = 0.0,
        logprob_ids: tuple[int, ...] = (),
    ) -> ProbeReply | None:
        """Part of `Desk`."""
        sampling = Sampling(
            max_tokens=max_tokens,
            temperature=temperature,
            logprobs=None if logprob_ids else 0,
            logprob_ids=logprob_ids,
        )

        async def rendered() -> ProbeReply:
            return await self._side.sample(self._render(plan), sampling)()

        return await self._attempt(rendered, seconds)

    async def _attempt(self, wait: Callable[[], Awaitable[T]], seconds: float) -> T | None:
        """The result; None, with a note, when it is late or broken: what is asked beside never harms the request."""
        seconds = min(seconds, self.ledger.remaining(SECONDS))
        try:
            async with asyncio.timeout(seconds):
                return await wait()
        except TimeoutError:
            self.note(f"no reply within {seconds:g} s")
        except FlyballError as error:
            self.note(f"no reply: {error}")
        return None

    def note(self, text: str) -> None:
        """Part of `Desk`."""
        if not any(isinstance(event, Noted) and (event.by, event.text) == (self._by, text) for event in self.log):
            self.log.append(Noted(position=0, by=self._by, text=text))
