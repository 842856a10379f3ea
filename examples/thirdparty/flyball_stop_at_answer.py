"""stop_at_answer: a controller from another package. Install it beside Flyball: pip install examples/thirdparty."""

from __future__ import annotations

from pydantic import Field

from flyball.controllers.boundary import Boundary, BoundaryKind, Watch
from flyball.controllers.controller import BaseController, Params, Ruling, Setting, View
from flyball.controllers.edits import FinishThinking


class StopAtAnswerParams(Params):
    """When thinking has gone far enough."""

    phrases: tuple[str, ...] = Field(default=("result is", "answer is"), min_length=1, max_length=16)
    """What a thought must hold to be the last one: any of these."""


class StopAtAnswer(BaseController[None]):
    """Ends the thinking after the first thought that states a result."""

    params = StopAtAnswerParams
    watches = (Watch(BoundaryKind.THOUGHT_END),)

    def __init__(self, params: StopAtAnswerParams, setting: Setting) -> None:
        self._phrases = params.phrases

    def at(self, state: None, boundary: Boundary, view: View) -> Ruling[None]:
        """A thought has ended, and the next one begins with a reflection word."""
        thought = view.text(0, boundary.position)
        if any(phrase in thought for phrase in self._phrases):
            return Ruling(state, (FinishThinking(None),))
        return Ruling(state)
