"""thinking_budget: at most so many sampled thinking tokens, then a closing phrase and the answer."""

from __future__ import annotations

from pydantic import Field

from ...core.events import Channel
from ..boundary import Boundary, TokenWatch
from ..controller import BaseController, Params, Ruling, Setting, View
from ..edits import FinishThinking


class ThinkingBudgetParams(Params):
    """How long the model may think."""

    tokens: int = Field(ge=0)
    """Kept sampled thinking tokens; markers and the closing phrase are counted apart. 0: no thinking at all."""
    closing: str | None = None
    """Written before the end marker, e.g. "Considering the limited time, I answer now."; None: the marker alone."""


class ThinkingBudget(BaseController[None]):
    """Cuts thinking after exactly `tokens` sampled tokens, unless it ends by itself before.

    What the engine sampled past the cut is dropped, and charged. With the marker alone the engine's own budget does it
    where there is one, which saves the second call. The budget runs over all thinking of a trajectory, and
    thinking that it closed stays closed. Sources: Qwen3's budget stop (specs: a phrase, then the end marker); the exact
    count is ours.

    Example: tokens=3 and a model that thinks "a b c d e": kept are "a b c", the phrase, the end marker, then the answer.
    """

    params = ThinkingBudgetParams

    def __init__(self, params: ThinkingBudgetParams, setting: Setting) -> None:
        self._closing = params.closing
        bare = params.closing is None
        self.watches = (TokenWatch(params.tokens, Channel.THINK, closes=bare),)

    def at(self, state: None, boundary: Boundary, view: View) -> Ruling[None]:
        """The budget is spent."""
        return Ruling(state, (FinishThinking(self._closing),))


CONTROLLER = ThinkingBudget
