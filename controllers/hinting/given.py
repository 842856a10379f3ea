"""What hint_infer remembers of a trajectory."""

from __future__ import annotations

from typing import NamedTuple

from ..boundary import Boundary
from ..controller import View


class Given(NamedTuple):
    """The hints that were given; counts."""

    last: int | None = None
    """Sampled tokens when the last one was given."""
    at_end: int = 0
    after_words: int = 0
    tedious: int = 0
    prefilled: bool = False
    trusted: int = 0
    """Python's results when the model was last told to trust them."""
    calls_for: int | None = None
    """Calls that were answered when a hint asked for one more, which the model makes when it has ended its thinking."""


def sampled_before(boundary: Boundary, view: View) -> int:
    """Kept sampled tokens up to the boundary; those that came before it was detected are all sampled."""
    return view.trajectory.sampled - (len(view.trajectory.ids) - boundary.position)


def far_enough(given: Given, boundary: Boundary, view: View, distance: int) -> bool:
    """Whether the last hint is at least so many sampled tokens away, and elsewhere."""
    return given.last is None or sampled_before(boundary, view) - given.last >= max(1, distance)
