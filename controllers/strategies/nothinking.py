"""nothinking: several answers behind thinking that is closed at once, and the one that most agree on or the surest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from ...core.answers import extract_answer
from ...core.chat_format import Thinking
from ...core.errors import RequestError
from ...core.events import Channel, Origin
from ...core.ledger import Ledger
from ...core.model import ModelReply
from ...core.trajectory import Trajectory
from ...tools.result import Result
from ..controller import Params, Setting
from ..side import Question
from ..strategy import AS_ASKED, Outcome, Refusal, Trials, Variant
from .self_consistency import SelfConsistency, SelfConsistencyParams

PREFILL = "Okay, I think I have finished thinking."


class NoThinkingParams(Params):
    """How many samples, and which of them answers."""

    n: int = Field(default=8, ge=1, le=256)
    """Samples."""
    choice: Literal["majority", "confidence"] = "majority"
    """majority: the answer that most samples give; confidence: the sample that is surest of its tokens."""
    prefill: str = Field(default=PREFILL, max_length=2000)
    """What stands in the closed thinking block; empty: nothing."""


class NoThinking:
    """Samples n answers in parallel behind a thinking block that says that thinking is finished.

    Source: NoThinking (arXiv 2504.09858): the prefill, parallel samples, and, without a verifier, a majority vote or a
    choice by confidence. Ours: a majority that is decided ends the sampling (`self_consistency`); confidence is the mean
    log-probability of a sample's own tokens, and a sample without an answer is chosen only when all lack one. It decides
    that there is no thinking, whatever `adaptive_think` says.

    Example: n=4 and the answers 7, 7, 3, 7: after three samples the vote is decided if they are 7, 7, 7.
    """

    params = NoThinkingParams
    needs_variety = True

    def __init__(self, params: NoThinkingParams, setting: Setting) -> None:
        format = setting.format
        if not format.thinks:
            raise RequestError(f"{format.name} models do not think: there is nothing to leave out")
        self._params, self._setting = params, setting
        self._variant = Variant(
            thinking=Thinking.ON,
            opening=format.decode(format.close_thinking(params.prefill)),
            logprobs=0 if params.choice == "confidence" else None,
        )

    @property
    def fan_out(self) -> int:
        return self._params.n

    async def run(self, trials: Trials) -> Outcome:
        """Decode the samples, and choose one."""
        varied = _Varied(trials, self._variant, "nothinking")
        if self._params.choice == "majority":
            return await SelfConsistency(SelfConsistencyParams(n=self._params.n), self._setting).run(varied)
        return await self._surest(varied)

    async def _surest(self, trials: Trials) -> Outcome:
        n = self._params.n
        tasks = [asyncio.ensure_future(trials.start(index, among=n - index)) for index in range(n)]
        try:
            results = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        outcomes = _those_that_ran(results)
        scores = {outcome.index: confidence(outcome.trajectory) for outcome in outcomes}
        best = max(outcomes, key=lambda outcome: (extract_answer(outcome.text) is not None, scores[outcome.index]))
        trials.note("nothinking", {"started": n, "finished": len(outcomes), "confidence": round(scores[best.index], 4)})
        return best


def confidence(trajectory: Trajectory) -> float:
    """The mean log-probability of the sampled tokens of the answer; -1e9 where none is known."""
    known = [
        trajectory.logprobs[position].logprob
        for run, end in trajectory.spans()
        if run.origin is Origin.SAMPLED and run.channel is Channel.ANSWER and not run.marker
        for position in range(run.start, end)
        if position in trajectory.logprobs
    ]
    return sum(known) / len(known) if known else -1e9


def _those_that_ran(results: Sequence[Outcome | BaseException]) -> list[Outcome]:
    """The samples; those that were refused are left out. Errors: the first refusal when all are; any other."""
    refused = [result for result in results if isinstance(result, BaseException)]
    outcomes = [result for result in results if isinstance(result, Outcome)]
    if others := [error for error in refused if not isinstance(error, Refusal)] or (refused if not outcomes else []):
        raise others[0]
    return outcomes


class _Varied:
    """Trials of which each is started with one variant; meets `strategy.Trials`."""

    def __init__(self, trials: Trials, variant: Variant, name: str) -> None:
        self._trials, self._variant, self._name = trials, variant, name

    @property
    def messages(self) -> tuple[Mapping[str, Any], ...]:
        return self._trials.messages

    @property
    def ledger(self) -> Ledger:
        return self._trials.ledger

    def start(self, index: int, *, among: int, variant: Variant = AS_ASKED) -> Awaitable[Outcome]:
        return self._trials.start(index, among=among, variant=self._variant)

    def ask(self, model: str, question: Question) -> Awaitable[ModelReply]:
        return self._trials.ask(model, question)

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Result:
        return await self._trials.call(tool, arguments)

    def note(self, text: str, figures: Mapping[str, float]) -> None:
        self._trials.note(self._name, figures)


STRATEGY = NoThinking
