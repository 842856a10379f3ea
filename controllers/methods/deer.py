"""deer: before every new thought the model is asked for its answer; when it is sure of it, the thinking ends."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic import Field

from ...core.errors import RequestError
from ...core.events import Channel
from ..boundary import AnyWatch, Boundary, BoundaryKind, TokenWatch, Watch
from ..controller import BaseController, Params, Pending, Reach, Ruling, Setting, View
from ..probing import ProbeReply
from ..trimming.ending import Ending
from ..trimming.probes import mean_probability

_ENDS = (" }", "}\n", "}.", "}}", ")}", "},", "}$", "} ", "}\\")
_THOUGHT, _RESULT = Watch(BoundaryKind.THOUGHT_END), Watch(BoundaryKind.RESULT_APPENDED)


class DeerParams(Params):
    """How sure the model must be, and how it is asked."""

    threshold: float = Field(default=0.95, gt=0, lt=1)
    """The confidence above which thinking ends."""
    confidence: Literal["arithmetic", "geometric"] = "arithmetic"
    """The mean of the probabilities of the probe's tokens: "geometric" for Qwen3, where the probe must close its thinking, too."""
    probe: str = "\n**Final Answer**\n\\boxed"
    probe_tokens: int = Field(default=20, ge=1)
    probes: int = Field(default=10, ge=1)
    """So many at most."""
    temperature: float = Field(default=0.0, ge=0)
    """Of the probe. The published code leaves it unset, so that 1 holds and the tested answer is a drawn one."""
    budget: int | None = Field(default=None, ge=1)
    """Thinking tokens of which a share may be thought; None: as many as there are."""
    ratio: float = Field(default=0.9, gt=0, le=1)
    """That share (published: 0.6 for R1, 0.8 for Qwen3, 0.9 by default)."""
    seconds: float = Field(default=10.0, gt=0)
    """A probe that takes longer is done without."""


class Tried(NamedTuple):
    """How often the model was asked in this turn."""

    probes: int = 0
    done: bool = False


class Deer(BaseController[Tried]):
    """Ends thinking where it would begin a new thought, if the model is sure enough of the answer that it would give now.

    Source: DEER (arXiv 2504.15895) and its code: a probe before each reflection word, the mean probability of its tokens
    behind the first, a threshold, at most `probes`, and the end of thinking 50 tokens before ratio times budget. Ours: the
    probe is greedy; a probe of one token has no confidence (published code divides by zero); nothing is probed at the end of
    the turn; the model decodes on meanwhile, and what it decoded is dropped where the probe ends the thinking.

    Example: a probe "{4}" whose tokens have the probabilities 0.5, 0.99 and 0.97 has the confidence 0.98: it ends.
    """

    params = DeerParams
    reach = Reach.VERDICTS

    def __init__(self, params: DeerParams, setting: Setting) -> None:
        self._params, self._geometric = params, params.confidence == "geometric"
        self._edit = Ending("").edit(setting)
        end = setting.format.think_end_id
        if self._geometric and end is None:
            raise RequestError(f"{setting.format.name} models close no thinking by a token of its own", "confidence")
        self._close = "" if end is None else setting.format.decode([end])
        watched: list[AnyWatch] = [_THOUGHT]
        if params.budget is not None:
            watched.append(TokenWatch(max(1, int(params.ratio * params.budget) - 50), Channel.THINK))
        if setting.tools:
            watched.append(_RESULT)
        self.watches = tuple(watched)

    def initial(self) -> Tried:
        return Tried()

    def at(self, state: Tried, boundary: Boundary, view: View) -> Ruling[Tried]:
        """A thought ends here, or the budget does."""
        params = self._params
        if boundary.kind is BoundaryKind.RESULT_APPENDED:
            return Ruling(Tried() if state.done else state)
        if state.done:
            return Ruling(state)
        if boundary.kind is BoundaryKind.TOKENS:
            return Ruling(state._replace(done=True), (self._edit,))
        if state.probes >= params.probes:
            return Ruling(state)
        probe = view.side.probe(
            params.probe, max_tokens=params.probe_tokens, temperature=params.temperature, until=self._complete
        )
        return Ruling(state._replace(probes=state.probes + 1), pending=Pending(probe, params.seconds))

    def _complete(self, text: str) -> bool:
        return self._close in text if self._geometric else any(end in text for end in _ENDS)

    def verdict(self, state: Tried, boundary: Boundary, result: Any, view: View) -> Ruling[Tried]:
        """The probe's reply; None: none came."""
        if state.done or result is None or self._confidence(result) <= self._params.threshold:
            return Ruling(state)
        return Ruling(state._replace(done=True), (self._edit,))

    def _confidence(self, reply: ProbeReply) -> float:
        if self._geometric and self._close not in reply.text:
            return 0.0
        return mean_probability([token.logprob for token in reply.logprobs], geometric=self._geometric)


CONTROLLER = Deer
