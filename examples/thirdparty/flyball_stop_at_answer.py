"""stop_at_answer: a controller from another package. Install it beside Flyball: pip install examples/thirdparty."""

from __future__ import annotations

import re

from pydantic import Field

from flyball.controllers.boundary import Boundary, BoundaryKind, Watch
from flyball.controllers.controller import BaseController, Params, Ruling, Setting, View
from flyball.controllers.edits import FinishThinking


class StopAtAnswerParams(Params):
    """When thinking has gone far enough."""

    pattern: str = Field(default=r"(?:result|answer|get) is \d", max_length=200)
    """What a thought must hold to be the last one: a regular expression."""


class StopAtAnswer(BaseController[None]):
    """Ends the thinking after the first thought that states a result."""

    params = StopAtAnswerParams
    watches = (Watch(BoundaryKind.THOUGHT_END),)

    def __init__(self, params: StopAtAnswerParams, setting: Setting) -> None:
        self._pattern = re.compile(params.pattern)

    def at(self, state: None, boundary: Boundary, view: View) -> Ruling[None]:
        """A thought has ended, and the next one begins with a reflection word."""
        if self._pattern.search(view.text(0, boundary.position)):
            return Ruling(state, (FinishThinking(None),))
        return Ruling(state)
