"""dynasor: asks the model for its answer now and then, and ends the thinking once it gives the same one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple

from pydantic import Field

from ...core.answers import same_answer_async
from ...core.chat_format import ChatFormat
from ..boundary import AnyWatch, Boundary, BoundaryKind, Watch
from ..controller import BaseController, Params, Pending, Ruling, Setting, View
from ..probing import ProbeReply
from ..trimming.ending import Ending
from ..trimming.late import Late, polling, reach_of
from ..trimming.probes import boxed_answer, certain, plain_text
from ..verifying.conclusions import Conclusion, Conclusions

_EFFORTS = {"mild": (8, 64), "low": (5, 64), "mid": (3, 64), "high": (2, 64), "crazy": (2, 32)}
_PATIENCE = 3
"""Probes in a row that may fail before no more are made."""
_RESULT = Watch(BoundaryKind.RESULT_APPENDED)


class DynasorParams(Params):
    """How often the model is probed, and how many answers must agree."""

    effort: Literal["mild", "low", "mid", "high", "crazy"] = "crazy"
    """To save tokens: answers that agree, and tokens between probes: (8, 64), (5, 64), (3, 64), (2, 64), (2, 32)."""
    window: int | None = Field(default=None, ge=2, le=32)
    """So many answers in a row must agree; None: the effort's."""
    chunk: int | None = Field(default=None, ge=1)
    """Thinking tokens between two probes; None: the effort's."""
    probe: str = "... Oh, I suddenly got the answer to the whole problem, **Final Answer**\n\n\\[ \\boxed{"
    """Ends in an open \\boxed{."""
    probe_tokens: int = Field(default=20, ge=1)
    temperature: float = Field(default=0.6, ge=0)
    top_p: float = Field(default=0.95, gt=0, le=1)
    answer: Literal["probe", "model"] = "probe"
    """Who writes the answer: the answer of the probes is written for the model; or the model writes it."""
    late: Late = "drop"
    """What becomes of tokens decoded while a probe was."""
    seconds: float = Field(default=10.0, gt=0)
    """A probe that takes longer is done without."""


class Compared(NamedTuple):
    """Whether an answer agrees with the one before."""

    same: bool


class Probed(NamedTuple):
    """What the probes gave."""

    turn: int = 0
    answers: Conclusions = Conclusions()
    failures: int = 0
    agreed: str | None = None
    """It was found out late: the next boundary ends the thinking with it."""
    done: bool = False


class Dynasor(BaseController[Probed]):
    """Probes for the answer every `chunk` thinking tokens, and stops once the last `window` answers are the same.

    Source: Dynasor, Certaindex (arXiv 2412.20993) and its code, whose client path is meant: an answer counts when it is
    there and no word of the probe is one of doubt (wait, hold, but, okay, no, hmm: whole words here). Ours: answers are
    compared by math-verify and must really agree (the published server path stops without); the probe goes on from its
    boundary, not from the one before; a probe's answer with a marker in it does not count; `late`.

    Example: window=3 and probes "7}", "5}", "5} but", "5}", "5}", "5}": it ends behind the sixth with
        "\n\n...</think>\n\n Oh, I have got the answer to the whole problem\n**Final Answer:**\n\\[\n \\boxed{5}\n\\]".
    """

    params = DynasorParams

    def __init__(self, params: DynasorParams, setting: Setting) -> None:
        window, chunk = _EFFORTS[params.effort]
        self._params, self._setting, self._window = params, setting, params.window or window
        self.reach = reach_of(params.late)
        probing: AnyWatch = polling(params.chunk or chunk)
        self.watches = (probing, _RESULT) if setting.tools else (probing,)

    def initial(self) -> Probed:
        return Probed()

    def at(self, state: Probed, boundary: Boundary, view: View) -> Ruling[Probed]:
        """So many more tokens were thought."""
        if boundary.kind is BoundaryKind.RESULT_APPENDED:
            return Ruling(Probed(turn=boundary.position) if state.done else state)
        if state.done or state.failures >= _PATIENCE:
            return Ruling(state)
        if state.agreed is not None:
            return self._end(state, state.agreed)
        params = self._params
        probe = view.side.probe(
            params.probe, max_tokens=params.probe_tokens, temperature=params.temperature, top_p=params.top_p
        )
        return Ruling(state, pending=self._pending(probe))

    def _pending(self, wait: Callable[[], Awaitable[Any]]) -> Pending:
        return Pending(wait, self._params.seconds, holds=self._params.late == "drop")

    def verdict(self, state: Probed, boundary: Boundary, result: Any, view: View) -> Ruling[Probed]:
        """A probe's reply, or whether its answer agrees with the one before."""
        position = boundary.position
        if state.done or position < state.turn:
            return Ruling(state)
        if result is None:
            return Ruling(_put(state, position, None)._replace(failures=state.failures + 1))
        state = state._replace(failures=0)
        if isinstance(result, Compared):
            return self._compared(state, position, result.same)
        answer = _answer(result, view.format)
        state = _put(state, position, answer)
        before = state.answers.before(position, 1)
        if answer is None or not before:
            return Ruling(state)

        async def wait() -> Compared:
            return Compared(await same_answer_async(before[0], answer))

        return Ruling(state, pending=self._pending(wait))

    def _compared(self, state: Probed, position: int, same: bool) -> Ruling[Probed]:
        state = state._replace(answers=state.answers.compared(position, int(same)))
        if state.answers.run(position) < self._window - 1:
            return Ruling(state)
        answer = next(known.text for known in state.answers.all if known.position == position)
        assert answer is not None
        return self._end(state, answer) if self._params.late == "drop" else Ruling(state._replace(agreed=answer))

    def _end(self, state: Probed, answer: str) -> Ruling[Probed]:
        said = ""
        if self._params.answer == "probe":
            said = f" Oh, I have got the answer to the whole problem\n**Final Answer:**\n\\[\n \\boxed{{{answer}}}\n\\]"
        edit = Ending("\n\n...", said).edit(self._setting)
        return Ruling(state._replace(done=True, agreed=None), (edit,))


def _answer(reply: ProbeReply, format: ChatFormat) -> str | None:
    """The probe's answer; None when there is none, or none that counts."""
    answer = boxed_answer(reply.text) if certain(reply.text) else None
    return answer if answer is not None and plain_text(answer, format) else None


def _put(state: Probed, position: int, answer: str | None) -> Probed:
    return state._replace(answers=state.answers.put(Conclusion(position, answer)))


CONTROLLER = Dynasor
