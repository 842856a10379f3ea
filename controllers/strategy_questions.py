"""What a strategy asks auxiliary models: charged, and in the log of the trajectory that began last."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..core.events import Asked, Noted
from ..core.ledger import Ledger
from ..core.model import Model, ModelReply
from ..core.trajectory import Trajectory
from .side import Question
from .side_calls import ask_logged, to_be_asked


class StrategyQuestions:
    """The questions of one episode's strategy, `by` its name.

    What was asked before there was a trajectory is in the log of the first. Why a question had no reply is noted once.
    """

    def __init__(self, by: str, models: Mapping[str, Model], ledger: Ledger) -> None:
        self._by, self._models, self._ledger = by, models, ledger
        self._trajectory: Trajectory | None = None
        self._waiting: list[Asked | Noted] = []
        self._told: set[str] = set()

    async def ask(self, model: str, question: Question) -> ModelReply:
        """The reply. Errors: RequestError, EngineError and its kinds."""
        return await ask_logged(self._models, self._ledger, model, question, to_be_asked(self._by, model), self._ended)

    def begun(self, trajectory: Trajectory) -> None:
        """A trajectory has begun: from here on questions are in its log."""
        self._trajectory = trajectory
        for event in self._waiting:
            trajectory.note(event)
        self._waiting.clear()

    def _ended(self, asked: Asked) -> None:
        self._note(asked)
        if asked.error is not None and (why := f"{asked.model} gave no reply: {asked.error}") not in self._told:
            self._told.add(why)
            self._note(Noted(position=0, by=self._by, text=why))

    def _note(self, event: Asked | Noted) -> None:
        if self._trajectory is None:
            self._waiting.append(event)
        else:
            self._trajectory.note(msgspec.structs.replace(event, position=len(self._trajectory.ids)))
