"""One run from its plan to its report; it may be broken off at any moment and resumed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ...core.errors import ConfigError
from .arms import Arm, check_arms, check_sampling
from .graders import load_grader
from .journal import Journal, journal_path
from .questions import QuestionSet
from .report import Report, make_report, save_report
from .rows import Row
from .run import run
from .settings import Settings, define
from .target import local_server, only_model, remote_server

if TYPE_CHECKING:
    import httpx


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: `url` or `serve` says where."""

    questions: QuestionSet
    arms: list[Arm]
    out: Path
    """The report; OUT.partial holds the rows until it is finished."""
    resume: bool = False
    url: str | None = None
    api_key_env: str | None = None
    serve: str | None = None
    """A model's name or folder."""
    engine_args: dict[str, Any] = {}
    model: str | None = None
    """None: the one model that the server has."""
    grader: str = "math"
    samples: int = 1
    seed: int = 0
    sampling: dict[str, Any] = {}
    concurrency: int = 8
    timeout: float = 3600

    @property
    def requests(self) -> int:
        """How many there are in all."""
        return len(self.questions.questions) * len(self.arms) * self.samples


class Session:
    """Runs a plan. Errors: ConfigError from the constructor and from `run`, for a plan that cannot be run."""

    def __init__(self, plan: Plan) -> None:
        if find_spec("scipy") is None:  # else the run would fail when it is over
            raise ConfigError("the intervals need SciPy: pip install flyball[train]")
        check_arms(plan.arms)
        check_sampling(plan.sampling, "sampling")
        for name in {plan.grader, *(question.grader or plan.grader for question in plan.questions.questions)}:
            load_grader(name)
        self._plan = plan
        self._partial = journal_path(plan.out)
        self._journal: Journal | None = None
        self._settings: Settings | None = None
        if (plan.url is None) is (plan.serve is None):
            raise ConfigError("give either --url or --serve")
        if not plan.out.parent.is_dir():
            raise ConfigError(f"there is no folder {plan.out.parent} for the report")
        if plan.resume and not self._partial.exists():
            raise ConfigError(f"there is no {self._partial.name} to resume")
        if not plan.resume and self._partial.exists():
            raise ConfigError(f"{self._partial.name} holds a run that was broken off: --resume it, or delete the file")

    async def run(self, on_row: Callable[[Row], None] = lambda row: None) -> None:
        """Ask and grade all that is not done yet; `on_row` sees every row, those of before first."""
        async with self._client() as client:
            model = self._plan.model or await only_model(client)
            self._settings = self._define(model)
            opener = Journal.resume if self._plan.resume else Journal.start
            self._journal = journal = opener(self._partial, self._settings)
            for row in journal.rows:
                on_row(row)

            def keep(row: Row) -> None:
                journal.add(row)
                on_row(row)

            done = {row.key for row in journal.rows}
            try:
                await run(client, self._settings, self._plan.questions.questions, keep, done)
            finally:
                journal.close()

    def report(self) -> Report | None:
        """Save and give back the report of what is done; None when the run ended before its first request."""
        if self._journal is None or self._settings is None:
            return None
        report = make_report(self._settings, self._plan.questions.questions, self._journal.rows, self._target())
        save_report(report, self._plan.out)
        if report.complete:
            self._journal.discard()
        return report

    def _client(self) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        plan = self._plan
        if plan.serve is not None:
            return local_server(plan.serve, plan.engine_args)
        return remote_server(plan.url or "", plan.api_key_env, plan.concurrency)

    def _define(self, model: str) -> Settings:
        plan = self._plan
        return define(
            plan.questions,
            plan.arms,
            model=model,
            engine_args=plan.engine_args,
            grader=plan.grader,
            samples=plan.samples,
            seed=plan.seed,
            sampling=plan.sampling,
            concurrency=plan.concurrency,
            timeout=plan.timeout,
        )

    def _target(self) -> dict[str, Any]:
        """A folder is told by its name: where it lies says nothing about the result."""
        if self._plan.serve is not None:
            return {"serve": Path(self._plan.serve).name if Path(self._plan.serve).is_dir() else self._plan.serve}
        return {"url": self._plan.url}
