"""`flyball replay trimr`: grids of M, R and N over stored traces."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from ...controllers.formats.registry import load_format
from ...controllers.verifying.model import ModelVerifier
from ...controllers.verifying.prompts import Prompts
from ...controllers.verifying.stated import StatedVerifier
from ...controllers.verifying.verifier import Asks, Verifier
from ...core.errors import ConfigError
from ...server.auxiliary.remote import RemoteModel
from ...server.auxiliary.sections import EndpointSection
from ...server.config import PACKAGED
from ...server.traces.reader import TraceReader
from .grid import Grader, Point, row
from .report import Replay
from .thinking import recorded
from .verdicts import NoModel, OneModel, judge


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is replayed."""

    traces: str
    """A database's URL, or a SQLite file."""
    points: Sequence[Point]
    model: str = "pocket"
    """Whose tokens they are: a directory, a hub name, or a packaged model."""
    answers: Mapping[str, str] = {}
    """The known answers by the text of the question."""
    budget: int | None = None
    """Thinking tokens that R is a share of; None: those of the longest trace."""
    sentences: int = 5
    verifier_url: str | None = None
    """Up to /v1. None: the last stated results are compared."""
    verifier_model: str = "verifier"
    prompts: Prompts = Prompts()
    limit: int | None = None
    """Episodes at most."""


def run(plan: Plan) -> Replay:
    """The replay. Errors: ConfigError, without traces that can be replayed, too; EngineError and its kinds of a verifier."""
    packaged = PACKAGED.get(plan.model)
    format = load_format("auto", str(packaged or plan.model))
    with TraceReader(_url(plan.traces)) as reader:
        found = recorded(reader.episodes(limit=plan.limit), format, plan.sentences)
    if not found.thinkings:
        raise ConfigError(
            f"no trace can be replayed; {found.skipped} were skipped: edited, with tools, or without thinking"
        )
    budget = plan.budget or max(thinking.tokens for thinking in found.thinkings)
    verifier, asks = _verifier(plan)

    async def rows() -> Replay:
        verdicts, grader = await judge(found.thinkings, verifier, asks), Grader(plan.answers)
        return Replay(
            traces=Path(plan.traces).name,
            verifier=plan.verifier_model if plan.verifier_url else "stated",
            budget=budget,
            replayed=len(found.thinkings),
            skipped=found.skipped,
            known=sum(grader.knows(thinking.question) for thinking in found.thinkings),
            thinking_tokens=sum(thinking.tokens for thinking in found.thinkings),
            rows=[await row(point, found.thinkings, verdicts, budget, grader) for point in plan.points],
        )

    return asyncio.run(rows())


def _url(traces: str) -> str:
    """A file is a SQLite store."""
    return traces if "://" in traces else f"sqlite:///{traces}"


def _verifier(plan: Plan) -> tuple[Verifier, Asks]:
    if plan.verifier_url is None:
        return StatedVerifier(), NoModel()
    endpoint = EndpointSection(name=plan.verifier_model, url=plan.verifier_url)
    return ModelVerifier(plan.verifier_model, plan.prompts), OneModel(RemoteModel(endpoint))
