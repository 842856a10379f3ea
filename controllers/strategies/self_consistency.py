"""self_consistency: several samples, and the answer that most of them agree on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from pydantic import Field, model_validator

from ...core.answers import extract_answer, same_answer_async
from ..controller import Params, Setting
from ..strategy import Outcome, Refusal, Trials


class SelfConsistencyParams(Params):
    """How many samples, and when fewer are enough."""

    n: int = Field(default=8, ge=1, le=256)
    """Samples at most."""
    window: int = Field(default=0, ge=0)
    """Stop as soon as one window of this many samples agrees; 0: no windows."""
    in_flight: int = Field(default=0, ge=0)
    """Samples decoded at once; 0: a window's, or all n without windows."""
    stop_when_decided: bool = True
    """Stop as soon as no other answer can win any more, by votes or by a window: the answer stays the same."""

    @model_validator(mode="after")
    def _window_fits(self) -> SelfConsistencyParams:
        if self.window > self.n:
            raise ValueError(f"a window of {self.window} does not fit {self.n} samples")
        if self.window == 1:
            raise ValueError("a window of 1 always agrees; use n=1")
        return self


class Votes:
    """Answers in the order of their samples' numbers, in groups that are mathematically the same."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self._answers: dict[int, str | None] = {}

    async def add(self, index: int, answer: str | None) -> None:
        """Count one sample; a missing answer joins no group."""
        self._answers[index] = answer
        if answer is None:
            return
        for group in self.groups:
            if await same_answer_async(self._answers[group[0]], answer):
                group.append(index)
                return
        self.groups.append([index])

    def ranked(self) -> list[list[int]]:
        """Groups, the largest first; a tie goes to the one with the earliest sample."""
        return sorted(self.groups, key=lambda group: (-len(group), min(group)))

    def decided(self, outstanding: int) -> bool:
        """Whether no group can reach the leading one any more, with so many samples still to come."""
        ranked = self.ranked()
        if not ranked:
            return False
        second = len(ranked[1]) if len(ranked) > 1 else 0
        return len(ranked[0]) > second + outstanding

    def agree(self, indices: Sequence[int]) -> bool:
        """Whether all of these samples are there, and gave the same answer; missing answers never agree."""
        return any(set(indices) <= set(group) for group in self.groups)


class SelfConsistency:
    """Majority vote over sampled answers, in windows that may end early; losers still decoding are cancelled.

    The answer is the last \\boxed{…}; answers are compared by math-verify; a tie goes to the earliest sample; without any
    answer the first sample is returned. A budget, or a server, that takes fewer samples ends it there. Sources: self-consistency (majority, ties to the first), early-stopping
    self-consistency (arXiv 2401.10480: stop when all answers of one window are the same; at the cap the majority of all).
    Ours: missing answers never count as agreeing, and `stop_when_decided`.

    Example: n=40, window=5 and first answers 4, 4, 4, 4, 4: five samples are decoded, 35 are saved.
    """

    params = SelfConsistencyParams
    needs_variety = True

    def __init__(self, params: SelfConsistencyParams, setting: Setting) -> None:
        self._params = params
        self._in_flight = min(params.in_flight or params.window or params.n, params.n)

    @property
    def fan_out(self) -> int:
        return self._params.n

    async def run(self, trials: Trials) -> Outcome:
        """Decode samples until a window agrees, the vote is decided, or all are there."""
        votes, outcomes = Votes(), dict[int, Outcome]()
        running: set[asyncio.Task[Outcome]] = set()
        wanted, started = self._params.n, 0
        try:
            while len(outcomes) < wanted and not self._enough(votes, outcomes, wanted):
                while started < wanted and len(running) < self._at_once(len(outcomes)):
                    running.add(asyncio.ensure_future(trials.start(started, among=wanted - started)))
                    started += 1
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                finished, refused = _results(await asyncio.gather(*done, return_exceptions=True))
                if refused:
                    wanted = started = started - len(refused)
                if not wanted:
                    raise refused[0]
                for outcome in finished:
                    outcomes[outcome.index] = outcome
                    await votes.add(outcome.index, extract_answer(outcome.text))
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        return self._choose(votes, outcomes, started, trials)

    def _at_once(self, finished: int) -> int:
        """Samples to have in flight: with windows, and nothing said of in_flight, one whole window at a time."""
        window = self._params.window
        if not window or self._params.in_flight:
            return self._in_flight
        return window - finished % window

    def _windows(self, samples: int) -> list[range]:
        window = self._params.window
        return [range(begin, begin + window) for begin in range(0, samples - window + 1, window)] if window else []

    def _enough(self, votes: Votes, outcomes: Mapping[int, Outcome], wanted: int) -> bool:
        if any(votes.agree(indices) for indices in self._windows(wanted)):
            return True
        if not self._params.stop_when_decided or not votes.decided(wanted - len(outcomes)):
            return False
        leading = set(votes.ranked()[0])
        return not any(self._may_overrule(indices, leading, votes, outcomes) for indices in self._windows(wanted))

    @staticmethod
    def _may_overrule(indices: range, leading: set[int], votes: Votes, outcomes: Mapping[int, Outcome]) -> bool:
        """Whether this window may still agree on another answer than the one that leads."""
        there = [index for index in indices if index in outcomes]
        return not there or (len(there) < len(indices) and votes.agree(there) and leading.isdisjoint(there))

    def _choose(self, votes: Votes, outcomes: Mapping[int, Outcome], started: int, trials: Trials) -> Outcome:
        ranked = votes.ranked()
        agreeing = self._agreeing_window(votes) or (ranked[0] if ranked else [])
        figures = {"started": started, "finished": len(outcomes), "agreeing": len(agreeing), "answers": len(ranked)}
        trials.note("self_consistency", figures)
        return outcomes[min(agreeing)] if agreeing else outcomes[min(outcomes)]

    def _agreeing_window(self, votes: Votes) -> list[int] | None:
        """The group of the window that ended the sampling, if one did: it wins even against a larger group."""
        for indices in self._windows(self._params.n):
            for group in votes.groups:
                if set(indices) <= set(group):
                    return group
        return None


def _results(results: Sequence[Outcome | BaseException]) -> tuple[list[Outcome], list[Refusal]]:
    """Samples that have ended, in order, and refusals to start more. Errors: any other error of a sample."""
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Refusal):
            raise result
    outcomes = sorted((result for result in results if isinstance(result, Outcome)), key=lambda outcome: outcome.index)
    return outcomes, [result for result in results if isinstance(result, Refusal)]


STRATEGY = SelfConsistency
