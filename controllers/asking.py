"""Asks the controllers of one trajectory, keeps their states by position, and says which edits happen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, NamedTuple, cast

from ..core.errors import ControllerError
from ..core.events import Acted, Decided, Noted
from ..core.trajectory import Trajectory
from ..tools.result import Result
from .boundary import AnyWatch, Boundary, BoundaryKind, Watch
from .controller import FailedCall, Reach, Ruling
from .edits import Proposal, Resolution, Truncate, resolve
from .history import History
from .named import Named, attributed
from .verdicts import Failed, Verdict, Verdicts, waited
from .view import TrajectoryView


class _Asked(NamedTuple):
    """What one controller answered at one boundary, and the state that it was in."""

    controller: int
    boundary: Boundary
    ruling: Ruling[Any]
    before: Any


class _Standing(NamedTuple):
    """Edits that happened; one that comes late at the same position happens beside them."""

    proposal: Proposal
    before: Any
    """Its controller's state, in case that the edits are voided after all."""


Possible = Callable[[Resolution], bool]
"""Whether a resolution can happen; if not, what its winners asked for is void."""


class Panel:
    """The controllers of one trajectory."""

    def __init__(self, controllers: Sequence[Named], trajectory: Trajectory) -> None:
        self._controllers, self._trajectory = list(controllers), trajectory
        self._histories: list[History[Any]] = [History(self._initial(named)) for named in controllers]
        self._standing: list[_Standing] = []
        self.verdicts = Verdicts()
        self.holds_all = any(named.controller.reach is Reach.TRAJECTORY for named in controllers)
        self.holds_calls = any(named.controller.reach is Reach.CALLS for named in controllers)

    @staticmethod
    def _initial(named: Named) -> Any:
        with attributed(f"controller {named.name!r}"):
            return named.controller.initial()

    @property
    def watches(self) -> list[AnyWatch]:
        """Everything that somebody watches."""
        return [watch for named in self._controllers for watch in named.controller.watches]

    def _watching(self, boundary: Boundary) -> list[int]:
        sign = boundary.watch or Watch(boundary.kind)
        return [i for i, named in enumerate(self._controllers) if sign in named.controller.watches]

    # -- boundaries ------------------------------------------------------------------------------------------------

    def ask(self, boundaries: Sequence[Boundary], view: TrajectoryView, possible: Possible) -> Resolution | None:
        """Ask every watching controller in the request's order; what happens, if anything does.

        The boundaries are of one position: edits of all of them are weighed together.
        """
        position = boundaries[0].position
        self._standing = [standing for standing in self._standing if standing.proposal.acts_at < position]
        asked: list[_Asked] = []
        states = [history.current for history in self._histories]
        for boundary in boundaries:
            for index in self._watching(boundary):
                controller = self._controllers[index].controller
                with self._consulted(index, boundary, view):
                    ruling = controller.at(states[index], boundary, view)
                asked.append(self._checked(_Asked(index, boundary, ruling, states[index])))
                states[index] = ruling.state
        resolution = self._resolve(asked, [], possible)
        self._settle(asked, resolution, late=False)
        return resolution

    @contextmanager
    def _consulted(self, index: int, boundary: Boundary, view: TrajectoryView) -> Iterator[None]:
        view.consult(self._controllers[index].name, boundary.position)
        with attributed(f"controller {self._controllers[index].name!r}"):
            yield

    def _checked(self, asked: _Asked) -> _Asked:
        """What it answered, if it keeps to its reach."""
        named, position = self._controllers[asked.controller], asked.boundary.position
        lowest = {
            Reach.NONE: position,
            Reach.VERDICTS: self.verdicts.earliest(position, asked.controller),
            Reach.CALLS: max((end for _, end in self._trajectory.results() if end < position), default=0),
            Reach.TRAJECTORY: 0,
        }[named.controller.reach]
        for edit in asked.ruling.edits:
            if isinstance(edit, Truncate) and edit.to < lowest:
                raise ControllerError(f"controller {named.name!r} truncates to {edit.to}; its reach ends at {lowest}")
        return asked

    async def mended(self, failed: FailedCall, view: TrajectoryView) -> Result | None:
        """What is to stand in place of a failed call's result: of the first controller that has something."""
        position = len(self._trajectory.ids)
        here = Boundary(BoundaryKind.RESULT_APPENDED, position, position)
        for index, history in enumerate(self._histories):
            name, controller = self._controllers[index]
            with self._consulted(index, here, view):
                pending = controller.mend(history.current, failed, view)
            if pending is None:
                continue
            result = await waited(pending)
            if isinstance(result, Failed):
                self._trajectory.note(Noted(position=position, by=name, text=result.reason))
            elif result is not None:
                self._note_beside(index, position, "Mend")
                return cast(Result, result)
        return None

    def _note_beside(self, index: int, position: int, what: str) -> None:
        """A controller had a part in results, which is no edit."""
        self._trajectory.note(
            Acted(
                position=position,
                controller=self._controllers[index].name,
                boundary=BoundaryKind.RESULT_APPENDED,
                detected=position,
                edits=[what],
            )
        )

    def beside_results(self, view: TrajectoryView) -> str:
        """What controllers want to stand behind results that are about to be appended; the same text once."""
        position, texts = len(self._trajectory.ids), list[str]()
        for index, history in enumerate(self._histories):
            with self._consulted(index, Boundary(BoundaryKind.RESULT_APPENDED, position, position), view):
                text = self._controllers[index].controller.beside_results(history.current, view)
            if text and text not in texts:
                texts.append(text)
                self._note_beside(index, position, "BesideResults")
        return "\n".join(texts)

    # -- verdicts --------------------------------------------------------------------------------------------------

    def hear(self, verdicts: Sequence[Verdict], view: TrajectoryView, possible: Possible) -> Resolution | None:
        """Tell controllers their verdicts, the earliest position first; what happens, if anything does.

        An edit voids the verdicts of later positions. At most one verdict of each controller.
        """
        for position, here in groupby(verdicts, key=lambda verdict: verdict.boundary.position):
            asked = [self._hear_one(verdict, view) for verdict in here]
            beside = [standing for standing in self._standing if standing.proposal.acts_at == position]
            resolution = self._resolve(asked, beside, possible)
            self._settle(asked, resolution, late=True)
            if resolution is not None:
                return resolution
        return None

    def _hear_one(self, verdict: Verdict, view: TrajectoryView) -> _Asked:
        index, boundary = verdict.controller, verdict.boundary
        name, controller = self._controllers[index]
        history = self._histories[index]
        with self._consulted(index, boundary, view):
            result = Failed("no verdict: it was cancelled") if verdict.task.cancelled() else verdict.task.result()
            if isinstance(result, Failed):
                self._note_once(Noted(position=boundary.position, by=name, text=result.reason))
                result = None
            before = history.at(boundary.position)
            ruling = controller.verdict(before, boundary, result, view)
            if not ruling.edits:
                history.update_from(
                    boundary.position, lambda state: controller.verdict(state, boundary, result, view).state
                )
        return self._checked(_Asked(index, boundary, ruling, before))

    def _note_once(self, note: Noted) -> None:
        """Say why there is no verdict; once, however many fail for the same reason."""
        known = [event for event in self._trajectory.log if isinstance(event, Noted)]
        if not any((event.by, event.text) == (note.by, note.text) for event in known):
            self._trajectory.note(note)

    # -- edits -----------------------------------------------------------------------------------------------------

    @staticmethod
    def _resolve(asked: Sequence[_Asked], beside: Sequence[_Standing], possible: Possible) -> Resolution | None:
        """The resolution that can happen; None when there is none, or when it has happened already."""
        proposals = _merged(asked)
        while proposals:
            resolution = resolve([*(standing.proposal for standing in beside), *proposals])
            new = {proposal.controller for proposal in proposals}
            if resolution is None or not new & resolution.winners:
                return None
            if possible(resolution):
                return resolution
            proposals = [proposal for proposal in proposals if proposal.controller not in resolution.winners]
        return None

    def _settle(self, asked: Sequence[_Asked], resolution: Resolution | None, *, late: bool) -> None:
        """Go back, void what loses, and let stand what stands."""
        if resolution is not None:
            self._go_back(resolution)
        for item in asked:
            if _stands(item, resolution):
                self._accept(item, resolution, late)
        if resolution is not None:
            befores = {item.controller: item.before for item in reversed(asked)}
            self._standing += [
                _Standing(proposal, befores[proposal.controller])
                for proposal in _merged(asked)
                if proposal.controller in resolution.winners
            ]

    def _accept(self, asked: _Asked, resolution: Resolution | None, late: bool) -> None:
        index, boundary, ruling, _ = asked
        if not (late and not ruling.edits):  # then its history was brought up to date
            position = boundary.position if resolution is None else min(boundary.position, resolution.position)
            self._histories[index].record(position, ruling.state)
        for decision in ruling.decisions:
            self._trajectory.note(Decided(position=boundary.position, decision=decision))
        if ruling.edits:
            self._trajectory.note(
                Acted(
                    position=boundary.position,
                    controller=self._controllers[index].name,
                    boundary=boundary.kind,
                    detected=boundary.detected,
                    edits=[type(edit).__name__ for edit in ruling.edits],
                    late=late,
                )
            )
        if ruling.pending is not None:
            self.verdicts.open(index, boundary, ruling.pending)

    def _go_back(self, resolution: Resolution) -> None:
        """Restore every controller to where edits happen, and void what was opened or done after it."""
        position = resolution.position
        for history in self._histories:
            history.restore(position)
        self.verdicts.void_after(position)
        earlier = [standing for standing in self._standing if standing.proposal.acts_at <= position]
        for standing in earlier:
            proposal = standing.proposal
            if proposal.acts_at == position and proposal.controller not in resolution.winners:
                self._histories[proposal.controller].record(position, standing.before)
        self._standing = [
            standing
            for standing in earlier
            if standing.proposal.acts_at < position or standing.proposal.controller in resolution.winners
        ]


def _merged(asked: Sequence[_Asked]) -> list[Proposal]:
    """What every controller proposes: one that was asked at several boundaries of a position proposes it all."""
    edits: dict[int, Proposal] = {}
    for index, boundary, ruling, _ in asked:
        before = edits[index].edits if index in edits else ()
        edits[index] = Proposal(index, boundary.position, before + ruling.edits)
    return [proposal for proposal in edits.values() if proposal.edits]


def _stands(asked: _Asked, resolution: Resolution | None) -> bool:
    """Whether an answer survives what happens: a voided one leaves no trace in its controller's state."""
    if resolution is not None and asked.controller in resolution.winners:
        return True
    return not asked.ruling.edits and (resolution is None or resolution.position == asked.boundary.position)
