"""`python -m benchmarks.engine_cpu.run`: start an engine for each arm, measure them in turns, write the report."""

import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.overhead.machine import machine, versions
from flyball.server.config import ModelSection

from . import report
from .arms import DEFAULT, PLACES, SERIAL, SOME, Arm, Place, make_arms
from .engines import Worker, WorkerError, busy_seconds, neighbour, running, settle
from .results import Cell, Result
from .settings import Settings

_ROOT = Path(__file__).resolve().parents[2]
_console = Console(stderr=True)


@click.command()
@click.option("--model", default="pocket", show_default=True, help='A directory, or "pocket": the packaged model.')
@click.option("--repeats", default=4, show_default=True)
@click.option("--out", default=_ROOT / "benchmarks", type=click.Path(path_type=Path), help="benchmarks/ by default.")
@click.option("--smoke", is_flag=True, help="Two arms and a handful of calls, into .cache: does it all work?")
def main(model: str, repeats: int, out: Path, smoke: bool) -> None:
    """Measure what block size, processes, threads and compiling do to vLLM on a CPU."""
    settings = Settings(model=Path(ModelSection(path=model).resolved_path), repeats=repeats)
    arms = make_arms()
    if smoke:
        settings, out = _small(settings), _ROOT / ".cache" / "bench" / "smoke"
        arms = {name: _eager(arms[name]) for name in (DEFAULT, SERIAL)}
    try:
        result = execute(settings, arms)
    except WorkerError as error:
        raise click.ClickException(str(error)) from None
    out.mkdir(parents=True, exist_ok=True)
    result.save(out / "engine_cpu.json")
    (out / "engine_cpu.md").write_text(report.render(result), encoding="utf-8")
    for table in report.tables(result):
        _console.print(table)
    click.echo(out / "engine_cpu.md")


def _small(settings: Settings) -> Settings:
    return replace(settings, repeats=1, tokens=8, requests={1: 2, 16: 16, 64: 64}, serial_requests=16, resumed=1)


def _eager(arm: Arm) -> Arm:
    return replace(arm, args={**arm.args, "enforce_eager": True})


def execute(settings: Settings, arms: Mapping[str, Arm]) -> Result:
    """Start the engines, measure, and stop them."""
    surroundings = machine()
    with tempfile.TemporaryDirectory() as logs:
        _console.print(f"Starting {', '.join(arms)}")
        with running(arms.values(), settings.model, Path(logs)) as workers:
            for worker in workers.values():
                _order(worker, SOME, settings, "warm-up")
            cells = list(_cells(settings, workers))
            start = {name: round(worker.start_seconds, 1) for name, worker in workers.items()}
    return Result(
        command=" ".join(["python -m benchmarks.engine_cpu.run", *(Path(word).name for word in sys.argv[1:])]),
        machine=surroundings,
        versions=versions({}),
        settings=asdict(settings) | {"model": settings.model.name},
        titles={name: arm.title for name, arm in arms.items()},
        start_seconds=start,
        cells=cells,
    )


def _cells(settings: Settings, workers: Mapping[str, Worker]) -> Iterator[Cell]:
    """Every measurement. The arms of one place follow each other in random order, so that a drift meets all alike."""
    shuffle = random.Random(settings.seed).shuffle
    for repeat in range(settings.repeats):
        places = list(PLACES)
        shuffle(places)
        for place in places:
            order = [worker for worker in workers.values() if place in worker.arm.places]
            shuffle(order)
            for turn, worker in enumerate(order):
                settle(workers.values())
                cell = _cell(worker, place, settings, repeat, turn)
                _console.print(_line(cell, settings.repeats), soft_wrap=True)
                yield cell


def _cell(worker: Worker, place: Place, settings: Settings, repeat: int, turn: int) -> Cell:
    with neighbour(place.neighbour):
        before, busy, begun = worker.cpu_seconds(), busy_seconds(), time.perf_counter()
        figures = _order(worker, place, settings, f"{worker.arm.name} {place.name} {repeat}")
        cpu, busy, seconds = worker.cpu_seconds() - before, busy_seconds() - busy, time.perf_counter() - begun
    figures["other_cores"] = max(0.0, busy - cpu) / seconds
    if not place.resumed:
        figures["cpu_s_per_1k"] = 1000 * cpu / (figures["tokens_per_s"] * figures["seconds"])
    return Cell(worker.arm.name, place.name, repeat, turn, {name: round(value, 4) for name, value in figures.items()})


def _order(worker: Worker, place: Place, settings: Settings, salt: str) -> dict[str, float]:
    order: dict[str, Any] = {"salt": salt, "resumed": place.resumed}
    if place.resumed:
        order |= {"times": settings.resumed, "length": settings.resumed_tokens, "edit_at": settings.edit_at}
    else:
        requests = settings.requests[place.concurrency]
        if worker.arm.name == SERIAL:
            requests = max(place.concurrency, min(requests, settings.serial_requests))
        order |= {"concurrency": place.concurrency, "requests": requests}
        order |= {"prompt_tokens": settings.prompt_tokens, "tokens": settings.tokens}
    return worker.order(**order)


def _line(cell: Cell, repeats: int) -> str:
    figures = ", ".join(f"{name} {value:,.2f}" for name, value in cell.figures.items())
    return f"{cell.repeat + 1}/{repeats} {cell.place:32} {cell.arm:14} {figures}"


if __name__ == "__main__":
    main()
