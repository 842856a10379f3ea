"""One run from its plan to its report; it may be broken off at any moment and resumed."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ...core.errors import ConfigError
from ...core.model import Price
from .arms import Arm, check_arms, check_sampling
from .baselines import Baseline, governed
from .grading import Verdicts
from .journal import Journal, check_same, journal_path, stored_settings
from .questions import QuestionSet
from .report import Report, load_report, make_report, save_report
from .reuse import reusable, told
from .settings import Settings, define
from .target import local_server, only_model, remote_server
from .work import Silent, Watch, Work

if TYPE_CHECKING:
    import httpx


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: `url` or `serve` says where."""

    questions: QuestionSet
    arms: list[Arm]
    out: Path
    """The report; OUT.partial holds the rows until it is finished."""
    resume: bool = False
    reuse: tuple[Path, ...] = ()
    """Reports whose plain responses serve here, too, where they were asked for in the same way."""
    url: str | None = None
    api_key_env: str | None = None
    serve: str | None = None
    """A model's name or folder."""
    engine_args: dict[str, Any] = {}
    model: str | None = None
    """None: the one model that the server has."""
    grader: str | None = None
    """None: each question's own, else math."""
    baselines: bool = False
    """Ask the iso-token baselines of every arm that uses Flyball, too."""
    price: Price | None = None
    """Dollars per million tokens; None: what the server's ledger says."""
    samples: int = 1
    seed: int = 0
    sampling: dict[str, Any] = {}
    concurrency: tuple[int, ...] = (8,)
    """Requests at a time; the responses are those of the first figure, the others are for the time that they take."""
    timeout: float = 3600


class Session:
    """Runs a plan. Errors: ConfigError from the constructor and from `run`, for a plan that cannot be run."""

    def __init__(self, plan: Plan) -> None:
        if find_spec("scipy") is None:  # else the run would fail when it is over
            raise ConfigError("the intervals need SciPy: pip install flyball[train]")
        check_arms(plan.arms)
        check_sampling(plan.sampling, "sampling")
        self._plan = plan
        self._verdicts = Verdicts(plan.questions.questions, plan.grader)
        self._partial = journal_path(plan.out)
        self._journal: Journal | None = None
        self._settings: Settings | None = None
        self._baselines: list[Baseline] = []
        self._reused: list[str] = []
        self._finished = False
        if (plan.url is None) is (plan.serve is None):
            raise ConfigError("give either --url or --serve")
        if not plan.out.parent.is_dir():
            raise ConfigError(f"there is no folder {plan.out.parent} for the report")
        if plan.resume and not (self._partial.exists() or plan.out.exists()):
            raise ConfigError(f"there is no {self._partial.name} or {plan.out.name} to resume")
        if not plan.resume and self._partial.exists():
            raise ConfigError(f"{self._partial.name} holds a run that was broken off: --resume it, or delete the file")

    async def run(self, watch: Watch | None = None) -> None:
        """Ask and grade all that is not done yet; `watch` is told of every row, those of before first."""
        plan = self._plan
        async with AsyncExitStack() as stack:
            server = _Server(stack, plan)
            self._settings = settings = self._define(await self._model(server))
            if plan.baselines and not governed(settings):
                raise ConfigError("--baselines: no arm has a flyball block, so there is nothing to compare with them")
            await stack.enter_async_context(self._verdicts)
            if not plan.resume:
                await server.client()  # what cannot be reached leaves no file
            self._journal = journal = self._open(settings)
            stack.callback(journal.close)
            self._reuse(journal, settings)
            questions = plan.questions.questions
            work = Work(settings, questions, journal, self._verdicts, server.client, watch or Silent())
            await work.regrade()
            await work.arms("arms", settings.arms)
            if plan.baselines:
                self._baselines = await work.baselines()
            timed = [each.arm for each in self._baselines if each.kind != "vote"]
            for concurrency in plan.concurrency[1:]:
                await work.time(timed, concurrency)
            self._finished = True

    def report(self) -> Report | None:
        """Save and give back the report of what is done; None when the run ended before its first request."""
        if self._journal is None or self._settings is None:
            return None
        report = make_report(
            self._settings,
            self._plan.questions.questions,
            list(self._journal.rows.values()),
            self._target(),
            baselines=self._baselines,
            timings=list(self._journal.timings.values()),
            price=self._plan.price,
            grader=self._plan.grader,
            complete=self._finished,
            reused=self._reused,
        )
        save_report(report, self._plan.out)
        if report.complete:
            self._journal.discard()
        return report

    def _reuse(self, journal: Journal, settings: Settings) -> None:
        ids = {question.id for question in self._plan.questions.questions}
        for path in self._plan.reuse:
            for row in (found := list(reusable(load_report(path), settings, ids))):
                if row.key not in journal.rows:
                    journal.add(row)
            taken = [row for row in found if journal.rows[row.key].seconds == row.seconds]
            self._reused += told(path.name, taken)

    async def _model(self, server: _Server) -> str:
        if self._plan.model is not None:
            return self._plan.model
        if self._plan.resume:
            path = self._partial
            return (stored_settings(path) if path.exists() else load_report(self._plan.out).settings).model
        return await only_model(await server.client())

    def _open(self, settings: Settings) -> Journal:
        if self._plan.resume and self._partial.exists():
            return Journal.resume(self._partial, settings)
        if not self._plan.resume:
            return Journal.start(self._partial, settings)
        report = load_report(self._plan.out)
        check_same(self._plan.out.name, report.settings, settings)
        return Journal.start(self._partial, settings, report.rows, report.timings)

    def _define(self, model: str) -> Settings:
        plan = self._plan
        return define(
            plan.questions,
            plan.arms,
            model=model,
            engine_args=plan.engine_args,
            samples=plan.samples,
            seed=plan.seed,
            sampling=plan.sampling,
            concurrency=plan.concurrency[0],
            timeout=plan.timeout,
        )

    def _target(self) -> dict[str, Any]:
        """A folder is told by its name: where it lies says nothing about the result."""
        if self._plan.serve is not None:
            return {"serve": Path(self._plan.serve).name if Path(self._plan.serve).is_dir() else self._plan.serve}
        return {"url": self._plan.url}


class _Server:
    """The client of a plan's server, opened when it is first needed."""

    def __init__(self, stack: AsyncExitStack, plan: Plan) -> None:
        self._stack, self._plan = stack, plan
        self._client: httpx.AsyncClient | None = None

    async def client(self) -> httpx.AsyncClient:
        """The client; not to be called by several tasks before it is there."""
        if self._client is None:
            self._client = await self._stack.enter_async_context(self._context())
        return self._client

    def _context(self) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        plan = self._plan
        if plan.serve is not None:
            return local_server(plan.serve, plan.engine_args)
        return remote_server(plan.url or "", plan.api_key_env, max(plan.concurrency))
