"""Edits: what a controller may do to a trajectory at a boundary, and which of several edits happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..core.events import FinishReason


class Inject(NamedTuple):
    """Write text for the model; it goes on from there."""

    text: str


class Truncate(NamedTuple):
    """Go back to a position before the boundary's."""

    to: int


class FinishThinking(NamedTuple):
    """Close open thinking with a phrase; None: with the bare end marker. `limit`: a limit closed it, so it stays closed."""

    phrase: str | None
    limit: bool = True
    opening: str = ""
    """Written for the model at the beginning of the answer; left out where a grammar or a forced call fixes the answer."""


class Finish(NamedTuple):
    """End the trajectory here."""

    reason: FinishReason


class ReplaceContext(NamedTuple):
    """Let the engine see these ids instead of all that came before; the transcript keeps it."""

    ids: tuple[int, ...]


Edit = Inject | Truncate | FinishThinking | Finish | ReplaceContext


class Proposal(NamedTuple):
    """The edits that one controller asked for at one boundary."""

    controller: int
    """Its place in the request's order."""
    position: int
    """The boundary's."""
    edits: tuple[Edit, ...]

    @property
    def acts_at(self) -> int:
        """Where the edits act: the smallest truncation, else the boundary's position."""
        return min([self.position, *(edit.to for edit in self.edits if isinstance(edit, Truncate))])


class Resolution(NamedTuple):
    """What happens: at `position` everything later is dropped, then `edits` are applied in order."""

    position: int
    edits: tuple[Edit, ...]
    winners: frozenset[int]
    """Controllers whose edits happen; the others' are void."""

    @property
    def only_ends(self) -> bool:
        """Whether nothing happens but an end, of the trajectory or of thinking by a limit: these need no bound."""
        return bool(self.edits) and all(
            isinstance(edit, Finish) or (isinstance(edit, FinishThinking) and edit.limit) for edit in self.edits
        )


def resolve(proposals: Sequence[Proposal]) -> Resolution | None:
    """Which edits happen, of those proposed together: rule 3 of the decode loop.

    The earliest position wins. At one position: finish, else finish thinking, else a replaced context with injections
    in the request's order. (The ledger's stops come before all of them: see `editing.py`.)

    Example: a truncation to 5 by one controller voids an injection at 9 by another:
        resolve([Proposal(0, 9, (Inject("x"),)), Proposal(1, 9, (Truncate(5),))]) == Resolution(5, (), frozenset({1}))
    """
    asked = [proposal for proposal in proposals if proposal.edits]
    if not asked:
        return None
    position = min(proposal.acts_at for proposal in asked)
    here = [proposal for proposal in asked if proposal.acts_at == position]
    here.sort(key=lambda proposal: proposal.controller)
    for kind in (Finish, FinishThinking):
        for proposal in here:
            chosen = [edit for edit in proposal.edits if isinstance(edit, kind)]
            if chosen:
                return Resolution(position, (chosen[0],), frozenset({proposal.controller}))
    edits = [edit for proposal in here for edit in proposal.edits if not isinstance(edit, Truncate)]
    ordered = sorted(edits, key=lambda edit: not isinstance(edit, ReplaceContext))
    return Resolution(position, tuple(ordered), frozenset(proposal.controller for proposal in here))
