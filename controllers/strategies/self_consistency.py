"""self_consistency: several samples, and the answer that most of them agree on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pydantic import Field, model_validator

from ...core.answers import extract_answer, same_answer_async
from ..controller import Params
from ..strategy import Outcome, Trials


class SelfConsistencyParams(Params):
    """How many samples, and when fewer are enough."""

    n: int = Field(default=8, ge=1, le=256)
    """Samples at most."""
    window: int = Field(default=0, ge=0)
    """Stop as soon as one window of this many samples agrees; 0: no windows."""
    in_flight: int = Field(default=0, ge=0)
    """Samples decoded at once; 0: a window's, or all n without windows."""
    stop_when_decided: bool = True
    """Stop as soon as no other answer can overtake the leading one: the result stays the same."""

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
    answer the first sample is returned. Sources: self-consistency (majority, ties to the first), early-stopping
    self-consistency (arXiv 2401.10480: stop when all answers of one window are the same; at the cap the majority of all).
    Ours: missing answers never count as agreeing, and `stop_when_decided`.

    Example: n=40, window=5 and first answers 4, 4, 4, 4, 4: five samples are decoded, 35 are saved.
    """

    params = SelfConsistencyParams

    def __init__(self, params: SelfConsistencyParams) -> None:
        self._params = params
        self._in_flight = min(params.in_flight or params.window or params.n, params.n)

    @property
    def fan_out(self) -> int:
        return self._params.n

    async def run(self, trials: Trials) -> Outcome:
        """Decode samples until a window agrees, the vote is decided, or all are there."""
        votes, outcomes = Votes(), dict[int, Outcome]()
        running: set[asyncio.Task[Outcome]] = set()
        started = 0
        try:
            while len(outcomes) < self._params.n and not self._enough(votes, outcomes):
                while started < self._params.n and len(running) < self._wanted(len(outcomes)):
                    running.add(asyncio.ensure_future(trials.start(started, among=self._params.n - started)))
                    started += 1
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for outcome in sorted((task.result() for task in done), key=lambda outcome: outcome.index):
                    outcomes[outcome.index] = outcome
                    await votes.add(outcome.index, extract_answer(outcome.text))
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        return self._choose(votes, outcomes, started, trials)

    def _wanted(self, finished: int) -> int:
        """Samples to have in flight: with windows, and nothing said of in_flight, one whole window at a time."""
        window = self._params.window
        if not window or self._params.in_flight:
            return self._in_flight
        return window - finished % window

    def _enough(self, votes: Votes, outcomes: dict[int, Outcome]) -> bool:
        if self._params.stop_when_decided and votes.decided(self._params.n - len(outcomes)):
            return True
        window = self._params.window
        if not window:
            return False
        windows = [range(begin, begin + window) for begin in range(0, self._params.n - window + 1, window)]
        return any(votes.agree(indices) for indices in windows)

    def _choose(self, votes: Votes, outcomes: dict[int, Outcome], started: int, trials: Trials) -> Outcome:
        ranked = votes.ranked()
        agreeing = self._agreeing_window(votes) or (ranked[0] if ranked else [])
        figures = {"started": started, "finished": len(outcomes), "agreeing": len(agreeing), "answers": len(ranked)}
        trials.note("self_consistency", figures)
        return outcomes[min(agreeing)] if agreeing else outcomes[min(outcomes)]

    def _agreeing_window(self, votes: Votes) -> list[int] | None:
        """The group of the window that ended the sampling, if one did: it wins even against a larger group."""
        window = self._params.window
        if not window:
            return None
        for begin in range(0, self._params.n - window + 1, window):
            for group in votes.groups:
                if set(range(begin, begin + window)) <= set(group):
                    return group
        return None


STRATEGY = SelfConsistency
