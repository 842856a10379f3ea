"""CoRT's prefill: the thinking begins with the intention to use Python."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.events import Channel
from ..boundary import AnyWatch, Boundary, TokenWatch
from ..controller import Ruling, View
from ..edits import Inject
from .aids import PYTHON, Aids
from .given import Given, sampled_before
from .joining import opened

TEXT = "Okay, let's try to solve this problem step by step using multiple python code calls."
"""As published (CoRT, arXiv 2506.09820)."""


class Prefill:
    """Once, where thinking is first open, whether the prompt opens it or the model."""

    def __init__(self, aids: Aids) -> None:
        self._aids = aids
        self.watches: Sequence[AnyWatch] = (TokenWatch(0, Channel.THINK),) if aids.has(PYTHON) else ()

    def at(self, given: Given, boundary: Boundary, view: View) -> Ruling[Given]:
        """Thinking is open."""
        if given.prefilled or not self._aids.may_name(PYTHON, view.trajectory):
            return Ruling(given)
        now = given._replace(prefilled=True, last=sampled_before(boundary, view))
        return Ruling(now, (Inject(opened(boundary.position, view, TEXT)),))
