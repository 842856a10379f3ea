"""The asynchronous half of the request boundary: what a controller may find out before a trajectory is rendered."""

from __future__ import annotations

import random
from typing import NamedTuple, Protocol, runtime_checkable

from ..core.chat_format import ChatFormat
from ..core.decision import Decision
from ..core.ledger import Ledger
from ..core.model import ModelReply
from .controller import Plan
from .probing import ProbeReply
from .side import Question


class Opening(NamedTuple):
    """The plan of one trajectory, and the decisions that led to it."""

    plan: Plan
    decisions: tuple[Decision, ...] = ()


class Desk(Protocol):
    """What a controller works with before its trajectory begins. All of it is charged, and in the trajectory's log."""

    @property
    def format(self) -> ChatFormat: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def random(self) -> random.Random:
        """Seeded by the trajectory's seed and the controller: the same on a second run."""
        ...

    async def ask(self, model: str, question: Question, *, seconds: float) -> ModelReply | None:
        """Ask an auxiliary model. None when it fails or takes longer, and the response says so."""
        ...

    async def sample(
        self,
        plan: Plan,
        *,
        max_tokens: int,
        seconds: float,
        temperature: float = 0.0,
        logprob_ids: tuple[int, ...] = (),
    ) -> ProbeReply | None:
        """What the served model would begin with, were the trajectory rendered by this plan; none of it is kept.

        None when it fails or takes longer, and the response says so.
        """
        ...

    def note(self, text: str) -> None:
        """Say in the response what was not done as asked."""
        ...


@runtime_checkable
class Opens(Protocol):
    """A controller that decides something for every trajectory before it is rendered, and may wait for it.

    It is asked after every controller's `plan`, in the request's order. Nothing of the trajectory exists yet.
    """

    async def open(self, plan: Plan, desk: Desk) -> Opening: ...
