"""A place in the thinking where hints are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..boundary import AnyWatch, Boundary
from ..controller import Ruling, View
from .given import Given


class Place(Protocol):
    """Finds its place by what it watches, and says which hint is given there.

    To add one, add a file here, and name its class in `methods/hint_infer.py`.
    """

    @property
    def watches(self) -> Sequence[AnyWatch]:
        """Empty when the request wants no hints here."""
        ...

    def at(self, given: Given, boundary: Boundary, view: View) -> Ruling[Given]: ...
