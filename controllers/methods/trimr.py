"""trimr: a verifier reads the thinking along, and ends it once it repeats its result, or finds none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from ...core.events import Channel
from ..adding import last_question
from ..boundary import AnyWatch, Boundary, BoundaryKind, TokenWatch, Watch
from ..controller import BaseController, Params, Pending, Ruling, Setting, View
from ..trimming.ending import Ending
from ..trimming.late import Late, polling, reach_of
from ..trimming.repetition import repeats
from ..trimming.rules import Rules
from ..trimming.segment import last_sentences, thinking_text
from ..verifying.choosing import AUTO, choose_verifier
from ..verifying.conclusions import Conclusion, Conclusions
from ..verifying.prompts import FEW_SHOT, PLAIN, Prompts

_PATIENCE = 3
"""Verdicts in a row that may fail before no more are asked for."""
_REPEATING = 1024
"""Tokens that are searched for a block that repeats."""
_SEGMENT, _RESULT = Watch(BoundaryKind.THOUGHT_END), Watch(BoundaryKind.RESULT_APPENDED)


class TrimRParams(Params):
    """When thinking is cut, who judges it, and what is written then."""

    m: int = Field(default=2, ge=1)
    """Overthinking: so many results in a row that agree with the one before (TrimR: 2, three consistent results)."""
    window: int = Field(default=0, ge=0, le=32)
    """Ours: m + 1 of the last `window` results must agree, in any order; 0: in a row, as published."""
    r: float = Field(default=0.5, gt=0, le=1)
    """Underthinking: the share of the budget that may be thought (TrimR: 50%)."""
    n: int = Field(default=20, ge=1)
    """Underthinking: the segments that may be thought (TrimR: 20)."""
    both: bool = False
    """False: either is too much, as TrimR's text has it; True: both together, as its pseudo-code has it."""
    budget: int | None = Field(default=None, ge=1)
    """Thinking tokens that `r` is a share of (TrimR: 30,000). None: the model's context."""
    overthinking: bool = True
    underthinking: bool = True
    repetition: bool = True
    repeats: int = Field(default=3, ge=2)
    """Repetition: a block stands there so many times, one after another (ours; TrimR gives no figure)."""
    repeated_tokens: int = Field(default=64, ge=2, le=_REPEATING)
    """Repetition: over so many tokens at least (ours)."""
    sentences: int = Field(default=5, ge=1)
    """The end of a segment that the verifier reads (TrimR's figure is not clear from what is known of it; 3 to 5 is ours)."""
    verifier: str = AUTO
    """An auxiliary model's name; "stated": no model, the last result in so many words; "auto": the model "verifier", else "stated"."""
    wording: Literal["plain", "few_shot"] = "plain"
    """How a model is asked: "few_shot" for general models, "plain" for the pocket verifier. TrimR's prompts are unpublished."""
    existence: str | None = None
    """An own prompt, with {question} and {passage}."""
    equivalence: str | None = None
    """An own prompt, with {question}, {a} and {b}."""
    mild: str = "\n\nI have verified this result several times."
    """Ends thinking that has converged (the words are ours)."""
    mild_answer: str = "**Final Answer**\n"
    """How the answer begins then (TrimR)."""
    forceful: str = "\n\nI think I already thought for a long time, I should give my best answer now."
    """Ends thinking that finds no result, or repeats itself (TrimR up to the comma)."""
    forceful_answer: str = ""
    """How the answer begins then."""
    late: Late = "drop"
    """What becomes of tokens decoded while the verifier worked; TrimR does not say."""
    every: int = Field(default=50, ge=1)
    """Tokens between two looks for repetition, and for kept verdicts (TrimR: 50)."""
    seconds: float = Field(default=10.0, gt=0)
    """A verdict that takes longer is done without."""

    @model_validator(mode="after")
    def _together(self) -> TrimRParams:
        if 0 < self.window <= self.m:
            raise ValueError(f"a window of {self.window} cannot hold {self.m + 1} results")
        for prompt, fields in ((self.existence, ("{passage}",)), (self.equivalence, ("{a}", "{b}"))):
            if prompt is not None and not all(field in prompt for field in fields):
                raise ValueError(f"an own prompt must hold {' and '.join(fields)}")
        return self

    @property
    def prompts(self) -> Prompts:
        """What a model is asked."""
        known = FEW_SHOT if self.wording == "few_shot" else PLAIN
        return Prompts(self.existence or known.existence, self.equivalence or known.equivalence)


class Concluded(NamedTuple):
    """A verdict: whether the segment reaches a result."""

    reached: bool
    passage: str


class Compared(NamedTuple):
    """A verdict: with how many of the results before it this one agrees."""

    agrees: int


class Read(NamedTuple):
    """What is known of a trajectory's thinking."""

    turn: int = 0
    """Where it began: behind the last tool results that ended a trimmed turn."""
    start: int = 0
    """Where the running segment begins."""
    segments: int = 0
    long: bool = False
    """More than its share of the budget was thought."""
    conclusions: Conclusions = Conclusions()
    failures: int = 0
    """Verdicts in a row that did not come."""
    converged: bool = False
    """It was found out late: the next boundary ends it."""
    done: bool = False


class TrimR(BaseController[Read]):
    """Cuts thinking that over-, under-thinks or repeats itself, by a verifier that reads its segments while it is decoded.

    Source: TrimR (arXiv 2505.17155; there is no code, and the prompts are not published). Segments end at reflection words.
    A verifier says of the end of each whether it states a result, and of two neighbouring results whether they agree, by
    P(Yes) against P(No) of one token. Overthinking (Alg. 1): a result that agrees with the one before counts one more, one
    that differs sets the count to 0, at `m` the mild ending is written. Underthinking (Alg. 2): after r of the budget, or n
    segments, without that, the forceful ending. Repetition: the forceful ending, too.

    Ours: the majority `window`; that repetition means a block several times in a row, found exactly instead of by a rolling
    hash; the endings' words; `late`; a verdict that fails counts as a result that agrees with nothing, and after 3 in a row
    none is asked for any more; a turn behind tool results is trimmed anew.

    Example: m=2 and segments that state 4, 4, 7, 7, 7: the counts are 0, 1, 0, 1, 2, and behind the fifth it ends:
        "…7.\n\nI have verified this result several times.\n</think>\n\n**Final Answer**\n".
    """

    params = TrimRParams

    def __init__(self, params: TrimRParams, setting: Setting) -> None:
        self._params, self._tools = params, bool(setting.tools)
        self._verifier = choose_verifier(params.verifier, setting.models, params.prompts)
        limit = int(params.r * (params.budget or setting.abilities.context_length))
        self._rules = Rules(params.m, limit, params.n, params.both, params.window)
        self._mild = Ending(params.mild, params.mild_answer).edit(setting)
        self._forceful = Ending(params.forceful, params.forceful_answer).edit(setting)
        self._poll, self._long = polling(params.every), TokenWatch(limit + 1, Channel.THINK)
        self.reach = reach_of(params.late)
        self.watches = tuple(self._watched())

    def _watched(self) -> list[AnyWatch]:
        params, watched = self._params, list[AnyWatch]()
        if params.overthinking or params.underthinking:
            watched.append(_SEGMENT)
        if params.underthinking:
            watched.append(self._long)
        if params.repetition or params.late == "keep":
            watched.append(self._poll)
        return [*watched, _RESULT] if self._tools else watched

    def initial(self) -> Read:
        return Read()

    # -- boundaries ------------------------------------------------------------------------------------------------

    def at(self, state: Read, boundary: Boundary, view: View) -> Ruling[Read]:
        """A segment, a number of tokens, or a tool's result ends here."""
        position = boundary.position
        if boundary.kind is BoundaryKind.RESULT_APPENDED:
            return Ruling(Read(turn=position, start=position) if state.done else state)
        if state.done:
            return Ruling(state)
        if state.converged:
            return self._end(state, mild=True)
        if boundary.kind is BoundaryKind.THOUGHT_END:
            return self._segment(state, position, view)
        if boundary.watch == self._long:
            return self._judged(state._replace(long=True))
        return self._end(state, mild=False) if self._repeats(state, position, view) else Ruling(state)

    def _segment(self, state: Read, position: int, view: View) -> Ruling[Read]:
        text = thinking_text(view.trajectory, view.format, state.start, position)
        ruling = self._judged(state._replace(segments=state.segments + 1, start=position))
        if ruling.edits or not self._params.overthinking or state.failures >= _PATIENCE:
            return ruling
        passage = last_sentences(text, self._params.sentences)
        return Ruling(ruling.state, pending=self._pending(self._concludes(passage, view))) if passage else ruling

    def _judged(self, state: Read) -> Ruling[Read]:
        """Underthinking."""
        hopeless = self._params.underthinking and self._rules.hopeless(long=state.long, segments=state.segments)
        return self._end(state, mild=False) if hopeless else Ruling(state)

    def _repeats(self, state: Read, position: int, view: View) -> bool:
        params = self._params
        ids = view.trajectory.ids[max(state.turn, position - _REPEATING) : position]
        return params.repetition and repeats(ids, params.repeats, params.repeated_tokens)

    def _end(self, state: Read, *, mild: bool) -> Ruling[Read]:
        return Ruling(state._replace(done=True, converged=False), (self._mild if mild else self._forceful,))

    # -- verdicts --------------------------------------------------------------------------------------------------

    def _pending(self, wait: Callable[[], Awaitable[Any]]) -> Pending:
        return Pending(wait, self._params.seconds, holds=self._params.late == "drop")

    def _concludes(self, passage: str, view: View) -> Callable[[], Awaitable[Concluded]]:
        question, side = last_question(view.messages), view.side

        async def wait() -> Concluded:
            return Concluded(await self._verifier.concludes(question, passage, side), passage)

        return wait

    def _agrees(self, passage: str, against: tuple[str, ...], view: View) -> Callable[[], Awaitable[Compared]]:
        question, side = last_question(view.messages), view.side

        async def wait() -> Compared:
            judging = [self._verifier.agree(question, old, passage, side) for old in against]
            verdicts = await asyncio.gather(*judging, return_exceptions=True)  # all have ended when one has failed
            return Compared(sum(map(_certain, verdicts)))

        return wait

    def verdict(self, state: Read, boundary: Boundary, result: Any, view: View) -> Ruling[Read]:
        """What the verifier said of the segment that ends at the boundary."""
        position = boundary.position
        if state.done or position < state.turn:
            return Ruling(state)
        if result is None:
            failed = state.conclusions.put(Conclusion(position, None))
            return Ruling(state._replace(conclusions=failed, failures=state.failures + 1))
        state = state._replace(failures=0)
        if isinstance(result, Compared):
            return self._compared(state, position, result.agrees)
        if not result.reached:
            return Ruling(state)
        state = state._replace(conclusions=state.conclusions.put(Conclusion(position, result.passage)))
        against = state.conclusions.before(position, self._rules.compared)
        return Ruling(state, pending=self._pending(self._agrees(result.passage, against, view)) if against else None)

    def _compared(self, state: Read, position: int, agrees: int) -> Ruling[Read]:
        state = state._replace(conclusions=state.conclusions.compared(position, agrees))
        if not self._rules.converged(state.conclusions, position):
            return Ruling(state)
        return self._end(state, mild=True) if self._params.late == "drop" else Ruling(state._replace(converged=True))


def _certain(verdict: bool | BaseException) -> bool:
    if isinstance(verdict, BaseException):
        raise verdict
    return verdict


CONTROLLER = TrimR
