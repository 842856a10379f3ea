"""deepconf: several traces, those without confidence are stopped or left out, and the others vote with their weight."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from statistics import quantiles
from typing import Literal, NamedTuple

from pydantic import Field, model_validator

from ...core.answers import extract_answer
from ...core.errors import AdmissionError, RequestError
from ...core.events import Acted
from ..confidence.measures import Measure, measured
from ..confidence.stopping import ConfidenceStop
from ..controller import Params, Setting
from ..named import Named
from ..strategy import Outcome, Refusal, Trials, Variant
from .self_consistency import Votes

_NAME = "deepconf"


class DeepConfParams(Params):
    """How many traces, and which of them count."""

    mode: Literal["online", "offline"] = "online"
    """online: traces that lose confidence are stopped while they are decoded; offline: all are decoded, then filtered."""
    n: int = Field(default=32, ge=2, le=512)
    """Traces in all (DeepConf: 256 online, 512 offline)."""
    warmup: int = Field(default=16, ge=1)
    """online: so many of them are decoded whole, and set the threshold (DeepConf: 16)."""
    eta: int = Field(default=90, ge=1, le=100)
    """Percent of the traces to keep: 90 is DeepConf's "high", 10 its "low"."""
    window: int = Field(default=2048, ge=1)
    """Tokens of a window (DeepConf: 2048); small models think in fewer: take a part of what they think."""
    every: int = Field(default=16, ge=1)
    """online: tokens between two looks (DeepConf looks at each)."""
    measure: Measure = "lowest"
    """offline: the confidence of a trace; online it is the lowest window."""
    weighted: bool = True
    """A trace votes with its confidence; False: each with 1."""
    likeliest: int = Field(default=20, ge=1, le=20)
    """Tokens of every place whose log-probabilities count (DeepConf: 20)."""
    in_flight: int = Field(default=0, ge=0)
    """Traces decoded at once; 0: all that may be."""

    @model_validator(mode="after")
    def _warmup_fits(self) -> DeepConfParams:
        if self.mode == "online" and self.warmup > self.n:
            raise ValueError(f"a warm-up of {self.warmup} does not fit {self.n} traces")
        return self


class Trace(NamedTuple):
    """A trace that has ended."""

    outcome: Outcome
    confidence: float
    stopped: bool

    @property
    def number(self) -> int:
        """Its place among the traces."""
        return self.outcome.index


class DeepConf:
    """Confidence by the log-probabilities of the likeliest tokens stops traces early, filters them, and weighs their votes.

    Source: DeepConf (arXiv 2508.15260) and its code. Online: `warmup` traces are decoded whole; the threshold is the
    percentile 100 - eta of their lowest windows; the others are stopped at the first full window below it; those that were
    not stopped vote, with the warm-ups at or above the threshold. Offline: all are decoded, the eta percent with the most
    confidence vote. Answers are the last \\boxed{…}, compared by math-verify. Ours: the vote is really the weighted one (the
    published online code overwrites it with a plain majority); a look every few tokens; without any answer among those that
    may vote all traces vote, and without any at all the one with the most confidence answers.

    Example: eta=90 and warm-ups with lowest windows 8, 9, 10 and 11: the threshold is 8.3, three of them vote.
    """

    params = DeepConfParams
    needs_variety = True

    def __init__(self, params: DeepConfParams, setting: Setting) -> None:
        self._params = params
        self._logprobs = min(params.likeliest, setting.abilities.max_logprobs)
        if self._logprobs < 1:
            raise RequestError("this engine gives no log-probabilities of the likeliest tokens")

    @property
    def fan_out(self) -> int:
        return self._params.n

    async def run(self, trials: Trials) -> Outcome:
        """Decode the traces, and return the one that answers."""
        if self._params.mode == "offline":
            traces = await self._decode(trials, range(self._params.n))
            return await self._choose(trials, traces, _percentile_of(traces, self._params.eta))
        return await self._online(trials)

    async def _online(self, trials: Trials) -> Outcome:
        params = self._params
        warm = await self._decode(trials, range(params.warmup))
        threshold = _percentile_of(warm, params.eta)
        stop = Named(_NAME, ConfidenceStop(threshold, params.window, params.every))
        rest = range(params.warmup, params.n)
        later = await self._decode(trials, rest, stop) if rest and len(warm) == params.warmup else []
        return await self._choose(trials, [*warm, *later], threshold)

    # -- decoding --------------------------------------------------------------------------------------------------

    async def _decode(self, trials: Trials, indices: range, *controllers: Named) -> list[Trace]:
        """These traces, as many as the budget and the server take. Errors: the refusal when it is of all of the first."""
        variant = Variant(controllers=controllers, logprobs=self._logprobs)
        free = asyncio.Semaphore(self._params.in_flight or len(indices))

        async def one(index: int) -> Outcome:
            async with free:
                return await trials.start(index, among=self._params.n - index, variant=variant)

        tasks = [asyncio.create_task(one(index)) for index in indices]
        try:
            results = await _all(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        refused = [result for result in results if isinstance(result, Refusal)]
        if indices.start == 0 and len(refused) == len(indices):
            raise refused[0]
        return [self._trace(result) for result in results if isinstance(result, Outcome)]

    def _trace(self, outcome: Outcome) -> Trace:
        params = self._params
        measure = params.measure if params.mode == "offline" else "lowest"
        confidence = measured(outcome.trajectory.logprobs, measure, params.window)
        log = outcome.trajectory.log
        return Trace(outcome, confidence, any(isinstance(event, Acted) and event.controller == _NAME for event in log))

    # -- the vote --------------------------------------------------------------------------------------------------

    async def _choose(self, trials: Trials, traces: Sequence[Trace], threshold: float) -> Outcome:
        voting = [trace for trace in traces if self._may_vote(trace, threshold)]
        winners = await self._winners(voting) or await self._winners(traces)
        figures = {
            "started": len(traces),
            "stopped": sum(trace.stopped for trace in traces),
            "threshold": round(threshold, 4),
            "voting": len(voting),
            "agreeing": len(winners),
        }
        trials.note(_NAME, figures)
        return max(winners or traces, key=lambda trace: (trace.confidence, -trace.number)).outcome

    def _may_vote(self, trace: Trace, threshold: float) -> bool:
        """A later trace that was not stopped may, also where it is shorter than a window."""
        later = self._params.mode == "online" and trace.number >= self._params.warmup
        return not trace.stopped and (later or trace.confidence >= threshold)

    async def _winners(self, traces: Sequence[Trace]) -> list[Trace]:
        """The traces behind the answer with the most weight; of two with the same the one with the earliest trace."""
        votes, by_index = Votes(), {trace.number: trace for trace in traces}
        for trace in traces:
            await votes.add(trace.number, extract_answer(trace.outcome.text))
        groups = [[by_index[index] for index in group] for group in votes.groups]
        return max(groups, key=lambda group: (self._weight(group), -min(t.number for t in group)), default=[])

    def _weight(self, group: Iterable[Trace]) -> float:
        return sum(trace.confidence if self._params.weighted else 1.0 for trace in group)


async def _all(tasks: Sequence[asyncio.Task[Outcome]]) -> list[Outcome | Refusal]:
    """What came of each. Errors: any other than a refusal to start."""
    await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    results: list[Outcome | Refusal] = []
    for task in tasks:
        try:
            results.append(await task)
        except (RequestError, AdmissionError) as error:
            results.append(error)
    return results


def _percentile_of(traces: Sequence[Trace], eta: int) -> float:
    """The confidence that eta percent of the traces reach."""
    values = [trace.confidence for trace in traces]
    if eta == 100 or len(values) == 1:
        return min(values)
    return quantiles(values, n=100, method="inclusive")[99 - eta]


STRATEGY = DeepConf
