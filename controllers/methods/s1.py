"""s1: thinking is made longer by "Wait" in place of its end, and shorter by a limit."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field, model_validator

from ...core.events import Channel, Origin
from ...core.trajectory import Trajectory
from ..boundary import AnyWatch, Boundary, BoundaryKind, TokenWatch, Watch
from ..code_blocks import ends_in_code
from ..controller import BaseController, Params, Ruling, Setting, View
from ..edits import FinishThinking, Inject
from ..hinting.joining import last_thought

_END = Watch(BoundaryKind.THINK_END)


class S1Params(Params):
    """The least and the most thinking."""

    waits: int = Field(default=1, ge=0, le=64)
    """The end of thinking is ignored so many times; with `min_tokens` at most so many."""
    min_tokens: int | None = Field(default=None, ge=1)
    """The end is ignored only before so many tokens were thought. None: always."""
    max_tokens: int | None = Field(default=None, ge=0)
    """Thinking is closed after so many tokens. None: when the model does."""
    text: str = Field(default="Wait", min_length=1)
    """Written in place of the end."""
    final: str = "Final Answer:"
    """How the answer begins where thinking was closed; empty: as the model likes."""

    @model_validator(mode="after")
    def _in_order(self) -> S1Params:
        if self.min_tokens is not None and self.max_tokens is not None and self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens {self.min_tokens} is more than max_tokens {self.max_tokens}")
        return self


class Ignored(NamedTuple):
    """How often the end was ignored."""

    times: int = 0


class S1(BaseController[Ignored]):
    """Budget forcing: "Wait" in place of the end of thinking, `waits` times; its end after `max_tokens`.

    Source: s1 (arXiv 2501.19393) and its code, whose markers are the family's here. Ours: `min_tokens` by the count of kept
    sampled thinking tokens; an empty block is left alone, as the model chose not to think; so is code that is not finished.
    Thinking that the limit closed stays closed, and is counted over the whole trajectory, as `thinking_budget` does.

    Example: waits=2 and thinking "a</think>": "aWait", then what the model thinks, "Wait" again, and the third end holds.
    """

    params = S1Params

    def __init__(self, params: S1Params, setting: Setting) -> None:
        self._params = params
        bare = not params.final
        self._close = FinishThinking(None) if bare else FinishThinking("", opening=params.final)
        watched: list[AnyWatch] = [_END] if params.waits else []
        if params.max_tokens is not None:
            watched.append(TokenWatch(params.max_tokens, Channel.THINK, closes=bare))
        self.watches = tuple(watched)

    def initial(self) -> Ignored:
        return Ignored()

    def at(self, state: Ignored, boundary: Boundary, view: View) -> Ruling[Ignored]:
        """The model closes its thinking, or has thought enough."""
        params = self._params
        if boundary.kind is BoundaryKind.TOKENS:
            return Ruling(state, (self._close,))
        thought = last_thought(boundary.position, view)
        enough = params.min_tokens is not None and thinking_tokens(view.trajectory, boundary) >= params.min_tokens
        if enough or state.times >= params.waits or not thought.strip() or ends_in_code(thought):
            return Ruling(state)
        return Ruling(Ignored(state.times + 1), (Inject(params.text),))


def thinking_tokens(trajectory: Trajectory, boundary: Boundary) -> int:
    """Kept sampled thinking tokens before the boundary."""
    return sum(
        min(end, boundary.position) - run.start
        for run, end in trajectory.spans()
        if run.start < boundary.position
        and run.channel is Channel.THINK
        and run.origin is Origin.SAMPLED
        and not run.marker
    )


CONTROLLER = S1
