"""autoif: a model writes checks for the instruction; answers that fail them are tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import Field

from ...core.errors import AdmissionError, EngineError, RequestError
from ..adding import last_question
from ..checking.writing import WRITING, Check, Judged, agreeing, check_in, judged
from ..controller import Params, Setting
from ..known_models import check_model
from ..side import SELF, Question
from ..strategy import Outcome, Trials, Variant

_AGAIN = (
    "Your answer fails these checks of the instruction:\n{checks}\nAnswer the instruction again so that it passes them."
)
_LONGEST = 800
"""Characters of a check that the model is told of."""


class AutoIfParams(Params):
    """How many checks and answers."""

    checks: int = Field(default=3, ge=1, le=16)
    """Functions that are asked for. Published for data: 100, kept from 3 on; ours here."""
    accuracy: float = Field(default=0.8, ge=0, le=1)
    """A function is kept if it is right on this share of all cases. Published code: 0.8."""
    samples: int = Field(default=1, ge=1, le=32)
    """Answers at first; with more than one the best goes on. Published for data: 8."""
    retries: int = Field(default=2, ge=0, le=16)
    """Further answers, told which checks failed. Ours."""
    model: str = SELF
    """The model that writes the checks."""
    tool: str = "python"
    """The tool of the request that runs them."""
    temperature: float = Field(default=0.7, ge=0)
    """At which checks are written. Ours."""
    max_tokens: int = Field(default=1024, ge=1)
    """Of a check. Ours."""


class _Tried(NamedTuple):
    outcome: Outcome
    judged: Judged


class AutoIf:
    """Checks written for this request run in the sandbox; the answer that passes most of them is given.

    Source: AutoIF (arXiv 2406.13542, its code), which makes training data; its use for one request follows its
    cross-validation: functions come with cases, a case counts if any function agrees with it, a function is kept if it is
    right on `accuracy` of them. An answer that fails is tried again with the failed checks behind it. A check is run by the
    request's tool `tool` in a session of its own, and its outcome is what it printed behind a nonce: nothing a model wrote
    runs in the server. A check that cannot be run (the budget's calls are spent) says nothing of an answer. Without a usable
    check the first answer is given. The response says all of it. The model is told of the
    tool like of any; with `"fenced": "only"` it is not.

    Example: "Answer in capitals." and "yes": the check `response.isupper()` fails, the second answer is "YES".
    """

    params = AutoIfParams
    needs_variety = False

    def __init__(self, params: AutoIfParams, setting: Setting) -> None:
        self._params, self._format = params, setting.format
        check_model(params.model, "model", setting)
        self._runs = params.tool in setting.tools | {setting.fenced}
        if setting.tools and not self._runs:  # a preset without tools may be named by a request with some
            raise self._unchecked("tool")

    def _unchecked(self, param: str) -> RequestError:
        return RequestError(f"the checks need the tool {self._params.tool!r} among the request's", param)

    @property
    def fan_out(self) -> int:
        return self._params.samples + self._params.retries

    async def run(self, trials: Trials) -> Outcome:
        """Write checks and answers at once; then try again while checks fail.

        Errors: RequestError where nothing runs the checks; those of the first answers.
        """
        if not self._runs:
            raise self._unchecked("flyball.strategy.tool")
        checks, outcomes = await self._begun(trials)
        tried = await asyncio.gather(*(self._checked(outcome, checks, trials) for outcome in outcomes))
        best, made = min(tried, key=_failures), len(tried)
        while best.judged.failed and made < self.fan_out:
            try:
                outcome = await trials.start(made, among=self.fan_out - made, variant=self._again(best, trials))
            except (RequestError, AdmissionError):
                break
            made += 1
            best = min(best, await self._checked(outcome, checks, trials), key=_failures)
        said = best.judged
        figures = {"checks": len(checks), "answers": made, "failed": len(said.failed), "unrun": said.unrun}
        trials.note("autoif", figures)
        return best.outcome

    async def _begun(self, trials: Trials) -> tuple[list[Check], list[Outcome]]:
        answers = [trials.start(number, among=self.fan_out) for number in range(self._params.samples)]
        tasks = [asyncio.ensure_future(each) for each in answers]
        writing = asyncio.ensure_future(self._checks(trials))
        try:
            return await writing, list(await asyncio.gather(*tasks))
        finally:
            for task in (writing, *tasks):
                task.cancel()
            await asyncio.gather(writing, *tasks, return_exceptions=True)

    async def _checks(self, trials: Trials) -> list[Check]:
        """Those that agree with each other; none where the model cannot be asked."""
        text = WRITING.format(question=last_question(trials.messages))
        question = Question(
            messages=({"role": "user", "content": text},),
            max_tokens=self._params.max_tokens,
            temperature=self._params.temperature,
        )
        written = await asyncio.gather(*(self._asked(trials, question) for _ in range(self._params.checks)))
        found = list({check.source: check for reply in written if (check := check_in(reply)) is not None}.values())
        return await agreeing(found, trials.call, self._params.tool, self._params.accuracy) if found else []

    async def _asked(self, trials: Trials, question: Question) -> str:
        try:
            return (await trials.ask(self._params.model, question)).text
        except (RequestError, EngineError, AdmissionError):
            return ""

    async def _checked(self, outcome: Outcome, checks: Sequence[Check], trials: Trials) -> _Tried:
        return _Tried(outcome, await judged(checks, outcome.text, trials.call, self._params.tool))

    def _again(self, tried: _Tried, trials: Trials) -> Variant:
        """The conversation with the answer and the checks that it fails; no marker in what models wrote is one."""
        listed = "\n".join(f"```python\n{check.source[:_LONGEST]}\n```" for check in tried.judged.failed)
        said = (("assistant", tried.outcome.text), ("user", _AGAIN.format(checks=listed)))
        more = ({"role": role, "content": self._format.quoted(text)} for role, text in said)
        return Variant(messages=(*trials.messages, *more))


def _failures(tried: _Tried) -> tuple[int, int]:
    """The fewest failures first, then the earliest."""
    return len(tried.judged.failed), tried.outcome.index


STRATEGY = AutoIf
