"""`python -m benchmarks.overhead.run`: start the servers, measure them in turns, write the report."""

import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from flyball.server.config import ModelSection

from . import plot, report
from .arms import ARM_NAMES, Arm, make_bench
from .install import install
from .load import LoadError
from .machine import machine, versions
from .measure import Meter, Place
from .results import Cell, Result
from .servers import StartError, running
from .settings import DEFAULT_CONTROLLERS, Settings
from .stats import collapses

_ROOT = Path(__file__).resolve().parents[2]
_CACHE = _ROOT / ".cache" / "bench"
_REQUIREMENTS = _ROOT / "requirements"
_NOTES = Path(__file__).with_name("notes.md")
_PROXIES = ("optillm", "litellm")
_console = Console(stderr=True)


def _json(kind: type) -> Callable[[click.Context, click.Parameter, str], Any]:
    """A click callback that reads JSON of one kind."""

    def read(_context: click.Context, _parameter: click.Parameter, text: str) -> Any:
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            raise click.BadParameter(f"not JSON: {error}") from None
        if not isinstance(value, kind):
            raise click.BadParameter(f"a JSON {kind.__name__} is wanted")
        return value

    return read


def _arm_names(_context: click.Context, _parameter: click.Parameter, text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if unknown := set(names) - set(ARM_NAMES):
        raise click.BadParameter(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(ARM_NAMES)}")
    return names


@click.command()
@click.option("--model", default="pocket", show_default=True, help='A directory, or "pocket": the packaged model.')
@click.option("--arms", default=",".join(ARM_NAMES), show_default=True, callback=_arm_names, help="Comma separated.")
@click.option("--repeats", default=5, show_default=True)
@click.option("--growth-requests", default=1000, show_default=True, help="0 leaves that part out.")
@click.option(
    "--controllers",
    default=json.dumps(DEFAULT_CONTROLLERS),
    show_default=True,
    callback=_json(list),
    metavar="JSON",
    help="What the arm flyball-2 asks for.",
)
@click.option(
    "--engine-args",
    default="{}",
    show_default=True,
    callback=_json(dict),
    metavar="JSON",
    help="vLLM's engine arguments, for its own server and Flyball alike.",
)
@click.option("--out", default=_ROOT / "benchmarks", type=click.Path(path_type=Path), help="benchmarks/ by default.")
@click.option("--smoke", is_flag=True, help="Flyball alone and a handful of requests, into .cache: does it all work?")
def main(arms: list[str], out: Path, smoke: bool, model: str, **options: Any) -> None:
    """Measure what Flyball costs beside vLLM's own server and two other proxies."""
    settings = Settings(model=Path(ModelSection(path=model).resolved_path), **options)
    if smoke:
        arms, out = ["flyball", "flyball-2"], _CACHE / "smoke"
        settings = _small(settings)
    try:
        result = execute(settings, arms)
    except (StartError, LoadError) as error:
        raise click.ClickException(str(error)) from None
    out.mkdir(parents=True, exist_ok=True)
    result.save(out / "overhead.json")
    plot.draw(result, out / "overhead.png")
    click.echo(report.write(result, out, _NOTES))


def _small(settings: Settings) -> Settings:
    return Settings(
        model=settings.model,
        controllers=settings.controllers,
        repeats=1,
        tokens=16,
        requests={1: 2, 4: 8},
        growth_requests=32,
        warm_up_rounds=1,
        engine_args={"enforce_eager": True, **settings.engine_args},
    )


def execute(settings: Settings, names: Sequence[str]) -> Result:
    """Start what the arms need, measure, and stop it."""
    install([name for name in _PROXIES if name in names], _CACHE, _REQUIREMENTS)
    surroundings = machine()
    with tempfile.TemporaryDirectory() as scratch:
        bench = make_bench(settings, _CACHE, Path(scratch)).only(names)
        _console.print(f"Starting {', '.join(bench.servers)}")
        with running(bench.servers, Path(scratch)) as servers, closing(Meter(settings, servers)) as meter:
            arms = list(bench.arms.values())
            for arm in arms:
                meter.warm_up(arm)
            idle = meter.idle()
            cells = list(_cells(meter, arms, settings))
            growth = [meter.growth(arm) for arm in arms if settings.growth_requests]
            start = {name: round(server.start_seconds, 1) for name, server in servers.items()}
    _report_collapses(cells)
    return Result(
        command=_command(),
        machine=surroundings,
        versions=versions({name: _REQUIREMENTS / f"bench-{name}.txt" for name in _PROXIES if name in names}),
        settings=asdict(settings) | {"model": settings.model.name},
        titles={arm.name: arm.title for arm in arms},
        start_seconds=start,
        idle_cores={name: round(cores, 4) for name, cores in idle.items()},
        cells=cells,
        growth=growth,
    )


def _cells(meter: Meter, arms: Sequence[Arm], settings: Settings) -> Iterator[Cell]:
    """Every measurement. The arms of one place follow each other in random order, so that a drift meets all alike."""
    shuffle = random.Random(settings.seed).shuffle
    for repeat in range(settings.repeats):
        places = list(product(settings.requests, (False, True)))
        shuffle(places)
        for concurrency, streaming in places:
            order = list(arms)
            shuffle(order)
            for turn, arm in enumerate(order):
                cell = meter.cell(arm, Place(repeat, turn, concurrency, streaming))
                _console.print(_line(cell, settings.repeats), soft_wrap=True)
                yield cell


def _line(cell: Cell, repeats: int) -> str:
    kind = "streaming" if cell.streaming else "plain"
    return (
        f"{cell.repeat + 1}/{repeats} {kind:9} {cell.concurrency:3} clients  {cell.arm:14} "
        f"{cell.requests_per_s:7.1f} requests/s, client {cell.client_cores:.2f} cores, others {cell.other_cores:.2f}"
    )


def _report_collapses(cells: Sequence[Cell]) -> None:
    for item in collapses(cells):
        _console.print(f"[yellow]Collapsed:[/] {_line(item.cell, item.cell.repeat + 1)}; usual {item.usual:.1f}")


def _command() -> str:
    """The command as it was given; a model by its name, whatever folder it is in."""
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    return " ".join(["python -m benchmarks.overhead.run", *words])


if __name__ == "__main__":
    main()
