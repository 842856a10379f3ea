"""Asks the controllers of one trajectory, keeps their states by position, and says which edits happen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..core.errors import ControllerError, FlyballError
from ..core.trajectory import Acted, Decided, Noted, Trajectory
from .boundary import Boundary, BoundaryKind, TokenWatch, Watch
from .controller import Controller, Reach, Ruling, View
from .edits import Proposal, Resolution, resolve
from .history import History
from .verdicts import Failed, Verdict, Verdicts


class Named(NamedTuple):
    """A controller and the name by which the request called it."""

    name: str
    controller: Controller[Any]


@contextmanager
def _attributed(name: str) -> Iterator[None]:
    """The boundary between the loop and a controller's code: whatever escapes is that controller's error."""
    try:
        yield
    except FlyballError:
        raise
    except Exception as error:
        raise ControllerError(f"controller {name!r} failed: {type(error).__name__}: {error}") from error


class Panel:
    """The controllers of one trajectory."""

    def __init__(self, controllers: Sequence[Named], trajectory: Trajectory) -> None:
        self._controllers, self._trajectory = list(controllers), trajectory
        self._histories: list[History[Any]] = [History(named.controller.initial()) for named in controllers]
        self.verdicts = Verdicts()
        reaches = {named.controller.reach for named in controllers}
        self.holds_all = Reach.TRAJECTORY in reaches

    @property
    def watches(self) -> list[Watch | TokenWatch]:
        """Everything that somebody watches."""
        return [watch for named in self._controllers for watch in named.controller.watches]

    def _watching(self, boundary: Boundary) -> list[int]:
        sign = boundary.watch if boundary.kind is BoundaryKind.TOKENS else Watch(boundary.kind)
        return [i for i, named in enumerate(self._controllers) if sign in named.controller.watches]

    def ask(self, boundary: Boundary, view: View) -> Resolution | None:
        """Ask every watching controller in the request's order; what happens, if anything does."""
        rulings = {index: self._rule(index, boundary, view) for index in self._watching(boundary)}
        resolution = resolve([Proposal(i, boundary.position, ruling.edits) for i, ruling in rulings.items()])
        if resolution is not None:
            self.go_back(resolution.position)
        for index, ruling in rulings.items():
            if self._stands(index, ruling, boundary, resolution):
                self._accept(index, ruling, boundary, late=False)
        return resolution

    def _rule(self, index: int, boundary: Boundary, view: View) -> Ruling[Any]:
        name, controller = self._controllers[index]
        with _attributed(name):
            return controller.at(self._histories[index].current, boundary, view)

    @staticmethod
    def _stands(index: int, ruling: Ruling[Any], boundary: Boundary, resolution: Resolution | None) -> bool:
        """Whether a ruling survives what happens: a voided one leaves no trace in its controller's state."""
        if resolution is None or index in resolution.winners:
            return True
        return not ruling.edits and resolution.position == boundary.position

    def _accept(self, index: int, ruling: Ruling[Any], boundary: Boundary, *, late: bool) -> None:
        name = self._controllers[index].name
        self._histories[index].record(boundary.position, ruling.state)
        for decision in ruling.decisions:
            self._trajectory.note(Decided(position=boundary.position, decision=decision))
        if ruling.edits:
            kinds = [type(edit).__name__ for edit in ruling.edits]
            self._trajectory.note(
                Acted(
                    position=boundary.position,
                    controller=name,
                    boundary=boundary.kind,
                    detected=boundary.detected,
                    edits=kinds,
                    late=late,
                )
            )
        if ruling.pending is not None:
            self.verdicts.open(index, boundary, ruling.pending)

    def hear(self, verdict: Verdict, view: View) -> Resolution | None:
        """Tell a controller its verdict; what happens, if anything does."""
        index, boundary = verdict.controller, verdict.boundary
        name, controller = self._controllers[index]
        result = verdict.task.result()
        if isinstance(result, Failed):
            self._trajectory.note(Noted(position=boundary.position, by=name, text=result.reason))
            result = None
        history = self._histories[index]
        with _attributed(name):
            ruling = controller.verdict(history.at(boundary.position), boundary, result, view)
            resolution = resolve([Proposal(index, boundary.position, ruling.edits)])
            if resolution is None:
                history.update_from(
                    boundary.position, lambda state: controller.verdict(state, boundary, result, view).state
                )
        if resolution is not None:
            self.go_back(resolution.position)
        self._accept(index, ruling if resolution else ruling._replace(state=history.current), boundary, late=True)
        return resolution

    def go_back(self, position: int) -> None:
        """Restore every controller to a position, and void what was opened after it."""
        for history in self._histories:
            history.restore(position)
        self.verdicts.void_after(position)
