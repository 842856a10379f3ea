"""TrimR's parameters varied over recorded traces: where each would have been cut, and what that had saved and cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import msgspec

from ...controllers.trimming.rules import Rules
from ...controllers.verifying.conclusions import Conclusion, Conclusions
from ...controllers.verifying.stated import last_stated
from ...core.answers import same_answer_async
from .thinking import Thinking
from .verdicts import Verdict


class Point(NamedTuple):
    """One choice of parameters."""

    m: int
    r: float
    n: int


class Row(msgspec.Struct, frozen=True):
    """What one choice of parameters comes to. Shares are of 1; accuracies are None where no answer is known."""

    m: int
    r: float
    n: int
    traces: int
    cut: float
    """Traces that are cut."""
    mild: float
    """Traces that are cut because their results agree."""
    saved: float
    """Of all thinking tokens, those behind the cuts."""
    known: int
    """Traces whose question's answer is known."""
    accuracy_full: float | None
    accuracy_cut: float | None
    """The result that stands at the cut; the answer of traces that are not cut."""
    false_stops: float | None
    """Traces that were right in full and are wrong at the cut."""


class Cut(NamedTuple):
    """Where a trace is cut, in thinking tokens; None: not at all."""

    tokens: int | None
    mild: bool = False


def points(m: Iterable[int], r: Iterable[float], n: Iterable[int]) -> list[Point]:
    """Every combination, in order."""
    return [Point(*values) for values in product(sorted(set(m)), sorted(set(r)), sorted(set(n)))]


def cut_of(thinking: Thinking, verdicts: Sequence[Verdict], rules: Rules) -> Cut:
    """Where the rules cut a trace, were every verdict there at once."""
    conclusions, long = Conclusions(), False
    for number, (segment, verdict) in enumerate(zip(thinking.segments, verdicts, strict=True), 1):
        if not long and segment.tokens > rules.limit:
            long = True
            if rules.hopeless(long=True, segments=number - 1):
                return Cut(rules.limit + 1)
        if rules.hopeless(long=long, segments=number):
            return Cut(segment.tokens)
        if verdict.concludes:
            conclusions = conclusions.put(Conclusion(number, segment.passage, int(verdict.agrees)))
            if rules.converged(conclusions, number):
                return Cut(segment.tokens, mild=True)
    over = thinking.tokens > rules.limit and rules.hopeless(long=True, segments=len(thinking.segments))
    return Cut(rules.limit + 1 if over and not long else None)


class Grader:
    """Whether results are right. Each is compared once."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = {question.strip(): answer for question, answer in answers.items()}
        self._known: dict[tuple[str, str], bool] = {}

    def knows(self, question: str) -> bool:
        """Whether the question's answer is known."""
        return question.strip() in self._answers

    async def right(self, question: str, result: str | None) -> bool:
        """Whether the result is the question's answer; a missing one never is."""
        key = (self._answers[question.strip()], result or "")
        if key not in self._known:
            self._known[key] = await same_answer_async(*key)
        return self._known[key]


async def row(
    point: Point, thinkings: Sequence[Thinking], verdicts: Sequence[Sequence[Verdict]], budget: int, grader: Grader
) -> Row:
    """The figures of one choice of parameters. ValueError: there are no traces."""
    if not thinkings:
        raise ValueError("nothing to replay")
    rules = Rules(point.m, int(point.r * budget), point.n)
    cuts = [cut_of(thinking, judged, rules) for thinking, judged in zip(thinkings, verdicts, strict=True)]
    full, short = list[bool](), list[bool]()
    for thinking, cut in zip(thinkings, cuts, strict=True):
        if grader.knows(thinking.question):
            full.append(await grader.right(thinking.question, thinking.answer))
            short.append(
                full[-1] if cut.tokens is None else await grader.right(thinking.question, _standing(thinking, cut))
            )
    return Row(
        *point,
        traces=len(cuts),
        cut=_share(cut.tokens is not None for cut in cuts),
        mild=_share(cut.mild for cut in cuts),
        saved=_saved(thinkings, cuts),
        known=len(full),
        accuracy_full=_share(full) if full else None,
        accuracy_cut=_share(short) if full else None,
        false_stops=_share(a and not b for a, b in zip(full, short, strict=True)) if full else None,
    )


def _standing(thinking: Thinking, cut: Cut) -> str | None:
    """The last result that was stated before the cut."""
    return last_stated("".join(thinking.text[: cut.tokens]))


def _saved(thinkings: Sequence[Thinking], cuts: Sequence[Cut]) -> float:
    behind = (0 if c.tokens is None else t.tokens - c.tokens for t, c in zip(thinkings, cuts, strict=True))
    return sum(behind) / sum(thinking.tokens for thinking in thinkings)


def _share(values: Iterable[bool]) -> float:
    counted = list(values)
    return sum(counted) / len(counted)
