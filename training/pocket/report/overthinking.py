"""What thinking does after its first result: how often it verifies, and what for; mistakes and their correction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from ..world.chain import MAX_STEPS
from . import chains, sampling
from .bench import Bench
from .rows import Row
from .shares import Share, share
from .thoughts import Trace, trace


class Sample(msgspec.Struct, frozen=True):
    """The thinkings of one temperature."""

    name: str
    thinkings: int
    without_result: int
    """Thinkings that state no result; they are in none of the other figures."""
    verifications: dict[int, int]
    """How many thinkings have so many thoughts after the first result."""
    redundant: dict[int, int]
    """The same of the thoughts before which the result was right already."""
    erred: Share
    """Thinkings whose first result is wrong."""
    corrected: Share
    """Of those, the ones whose answer is right."""
    erred_by_steps: dict[int, Share]

    @property
    def mean_verifications(self) -> float:
        """Thoughts after the first result, per thinking."""
        return _mean(self.verifications)

    @property
    def mean_redundant(self) -> float:
        """Redundant ones, per thinking."""
        return _mean(self.redundant)

    @property
    def redundant_share(self) -> Share:
        """Of all thoughts after the first result, those that could change nothing for the better."""
        return Share(_total(self.redundant), _total(self.verifications))


class Results(msgspec.Struct, frozen=True):
    """Greedy first."""

    samples: list[Sample]


async def measure(bench: Bench) -> Results:
    """Reads the thinkings of the chains, and those that are sampled."""
    greedy = [row for steps in range(1, MAX_STEPS + 1) for row in await chains.rows(bench, "thinking", steps)]
    mild = await sampling.rows(bench, 0.6, 1)
    return Results(
        [
            read("greedy, 1 to 12 steps", greedy),
            read("temperature 0.6, 1 to 8 steps", mild),
            read("temperature 0.8, 1 to 8 steps", await sampling.rows(bench)),
        ]
    )


def read(name: str, rows: Sequence[Row]) -> Sample:
    """The figures of some thinkings."""
    traces = [(row, trace(row.thinking, row.answer)) for row in rows]
    concluded = [(row, seen) for row, seen in traces if seen.first is not None]
    wrong = [row for row, seen in concluded if seen.first != row.answer]
    steps = sorted({row.difficulty for row in rows})
    return Sample(
        name,
        thinkings=len(rows),
        without_result=len(rows) - len(concluded),
        verifications=_counts([seen.verifications for _, seen in concluded]),
        redundant=_counts([seen.redundant for _, seen in concluded]),
        erred=Share(len(wrong), len(concluded)),
        corrected=share(wrong),
        erred_by_steps={count: _erred(concluded, count) for count in steps},
    )


def _erred(concluded: Sequence[tuple[Row, Trace]], steps: int) -> Share:
    firsts = [seen.first == row.answer for row, seen in concluded if row.difficulty == steps]
    return Share(firsts.count(False), len(firsts))


def _counts(values: Sequence[int]) -> dict[int, int]:
    return dict(sorted(Counter(values).items()))


def _total(counts: dict[int, int]) -> int:
    return sum(value * times for value, times in counts.items())


def _mean(counts: dict[int, int]) -> float:
    times = sum(counts.values())
    return _total(counts) / times if times else 0.0
