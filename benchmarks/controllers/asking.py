"""Makes the runs of a study through `flyball eval`; what was made already is not made again."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from flyball.training.evaluate.report import Report, load_report

from .findings import Asked, without_rows
from .plan import Run, Scale
from .serving import ROOT, serve_command, serving

MODEL = "pocket"


class Workshop(NamedTuple):
    """Where the runs of one scale are kept: questions, rows, traces. Nothing of it is committed."""

    folder: Path
    scale: Scale

    def report_of(self, study: str, run: str) -> Path:
        """The report of a run."""
        return self.folder / study / f"{run}.json"

    def traces_of(self, study: str, run: str) -> Path:
        """The trace store of a run."""
        return self.folder / study / f"{run}.sqlite"


def ask(study: str, run: Run, shop: Workshop) -> Report:
    """The report of a run: the one that is there, or one that is made, or gone on with. Errors: ClickException when it was broken off."""
    out = shop.report_of(study, run.name)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.exists() and _is_of(report := load_report(out), run):
        return report
    traces = shop.traces_of(study, run.name) if run.traces else None
    questions = _questions(run, shop)
    with serving(run.server, out.parent, traces) as url:
        _flyball(*_arguments(study, run, shop, url, questions), *["--resume"] * Path(f"{out}.partial").exists())
    return load_report(out)


def told(study: str, run: Run, shop: Workshop, report: Report) -> Asked:
    """What is kept of a run."""
    arguments = _arguments(study, run, shop, "URL", Path(f"{_file_of(run)}"))
    words = [Path(word).name if word.startswith(os.sep) else word for word in arguments]
    commands = [
        serve_command(run.server, run.traces),
        shlex.join(["flyball", *_draw(run, shop), "--out", f"{_file_of(run)}"]),
        shlex.join(["flyball", *words]),
    ]
    return Asked(name=run.name, why=run.why, commands=commands, report=without_rows(report))


def _is_of(report: Report, run: Run) -> bool:
    """Whether the plan still says what was asked."""
    found = report.settings
    same = (found.arms, found.sampling, found.concurrency) == (run.arms, run.sampling, run.concurrency)
    return report.complete and same and bool(report.baselines) is run.baselines


def _arguments(study: str, run: Run, shop: Workshop, url: str, questions: Path) -> list[str]:
    out = shop.report_of(study, run.name)
    arms = out.with_suffix(".arms.json")
    arms.write_bytes(msgspec.json.encode({"arms": run.arms}))
    arguments = ["eval", "--url", url, "--model", MODEL, "--questions", str(questions), "--arms", str(arms)]
    arguments += ["--sampling", json.dumps(run.sampling), "--samples", str(run.scaled(shop.scale).samples)]
    arguments += ["--concurrency", str(run.concurrency), "--out", str(out)]
    for path in _reused(run.reuse, shop):
        arguments += ["--reuse", str(path)]
    return arguments + ["--baselines"] * run.baselines


def _reused(names: Sequence[str], shop: Workshop) -> Iterator[Path]:
    for name in names:
        path = shop.report_of(*name.split("/"))
        if path.exists():
            yield path


def _questions(run: Run, shop: Workshop) -> Path:
    path = shop.folder / _file_of(run)
    if not path.exists():
        _flyball(*_draw(run, shop), "--out", str(path))
    return path


def _file_of(run: Run) -> str:
    steps = f"-{run.difficulty[0]}-{run.difficulty[-1]}" if run.difficulty else ""
    return f"{run.set}{steps}.jsonl"


def _draw(run: Run, shop: Workshop) -> list[str]:
    words = ["pocket", "questions", "--set", run.set, "--split", "test", "--n", str(shop.scale.questions)]
    return [*words, *(word for steps in run.difficulty for word in ("--difficulty", str(steps)))]


def _flyball(*words: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    if subprocess.run([sys.executable, "-m", "flyball.cli.main", *words], check=False, env=environment).returncode:
        raise click.ClickException(
            f"flyball {words[0]} did not end well; what was asked is kept, and the next run goes on"
        )
