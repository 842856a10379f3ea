"""`flyball pocket`: train, measure and check the small world that ships with the package."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import TaskID

    from ..training.pocket.recipe import Role
    from ..training.pocket.report.bench import Progress
    from ..training.pocket.world.question import Split

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group()
def pocket() -> None:
    """Train, measure and check the pocket world."""


@pocket.command()
@click.argument("role", type=click.Choice(["reasoner", "verifier"]))
@click.option("--out", type=FOLDER, required=True, help="The world's folder; a run cut off in it goes on.")
@click.option("--tokens", type=click.IntRange(1), help="Tokens to train on (default: the recipe's).")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
@click.option("--compile/--no-compile", "compiled", default=True, show_default=True, help="Needs a C++ compiler.")
def train(role: "Role", out: Path, tokens: int | None, seed: int, threads: int, compiled: bool) -> None:
    """Train a model of the world from nothing and write it with its card into OUT/ROLE."""
    import torch
    from rich.progress import Progress, TextColumn

    from ..training.pocket.card import write_folder
    from ..training.pocket.recipe import RECIPES
    from ..training.pocket.train import train as run

    torch.set_num_threads(threads)
    recipe = replace(RECIPES[role], seed=seed, compiled=compiled)
    recipe = recipe.shortened(tokens) if tokens else recipe
    unfinished = out / f"{role}.unfinished"
    with Progress(*Progress.get_default_columns(), TextColumn("{task.fields[note]}")) as progress:
        task = progress.add_task("training", total=recipe.tokens, note="")

        def report(seen: int, loss: float) -> None:
            progress.update(task, completed=seen, note=f"loss {loss:.4f}")

        tokenizer, state = run(recipe, unfinished, report)
        progress.update(task, completed=recipe.tokens, note="writing")
        card = write_folder(out / role, recipe, tokenizer, state)
    (unfinished / "checkpoint.pt").unlink()
    unfinished.rmdir()
    click.echo(f"{out / role}: {card['tokens']} tokens, validation loss {card['validation_loss']}")


@pocket.command()
@click.argument("folder", type=FOLDER)
def freeze(folder: Path) -> None:
    """Write the documents into a world's folder, and the hashes of all its files."""
    from ..training.pocket.hashes import freeze as write_sums
    from ..training.pocket.world.documents import write_documents

    write_documents(folder)
    write_sums(folder)
    click.echo(f"{folder}: frozen")


@pocket.command()
@click.option("--set", "name", default="mixed", show_default=True, help="A named set or a kind of question.")
@click.option("--split", type=click.Choice(["train", "validation", "test"]), default="test", show_default=True)
@click.option("--n", type=click.IntRange(1), default=200, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--difficulty", type=int, multiple=True, help="Difficulties to draw from (default: the set's).")
@click.option("--out", type=click.File("w", encoding="utf-8"), default="-", help="JSONL file (default: the terminal).")
def questions(name: str, split: "Split", n: int, seed: int, difficulty: tuple[int, ...], out: IO[str]) -> None:
    """Write questions with their answers, one JSON object a line."""
    from ..training.pocket.world.sets import questions as draw

    try:
        drawn = draw(name, split, n, seed, difficulty)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    for question in drawn:
        row = {
            "id": question.id,
            "question": question.text,
            "answer": question.answer,
            "difficulty": f"{question.kind} {question.difficulty}",
            "grader": "boxed_exact",
        }
        out.write(json.dumps(row) + "\n")


@pocket.command()
@click.argument("folder", type=FOLDER, required=False)
def check(folder: Path | None) -> None:
    """Compare the files of a world with the hashes they were frozen with."""
    from ..data import WORLD
    from ..training.pocket.hashes import verify

    source = folder or WORLD
    problems = verify(source)
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise SystemExit(1)
    click.echo(f"{source}: every file is as it was frozen")


@pocket.command()
@click.option("--out", type=FOLDER, default="benchmarks", show_default=True, help="Folder of the report.")
@click.option("--world", type=FOLDER, help="Folder of a world (default: the one that ships).")
@click.option("--questions", "count", type=click.IntRange(1), default=1000, show_default=True, help="Of each figure.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--resume", is_flag=True, help="Go on with a report that was broken off.")
def report(out: Path, world: Path | None, count: int, seed: int, resume: bool) -> None:
    """Measure both models through vLLM, and write pocket.md, pocket.json and the plots."""
    from rich.console import Console

    from ..core.errors import ConfigError
    from ..data import WORLD
    from ..training.pocket.report.run import run
    from ..training.pocket.report.terminal import rich_table

    folder = world or WORLD
    out.mkdir(parents=True, exist_ok=True)
    try:
        with _progress() as on_progress:
            made = run(out, count, seed, folder / "reasoner", folder / "verifier", on_progress, resume=resume)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    Console().print(rich_table(made))
    click.echo(f"saved: {out / 'pocket.md'}")


@contextmanager
def _progress() -> "Iterator[Progress]":
    """One bar for each part of the report."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def show(part: str, done: int, total: int) -> None:
            if part not in tasks:
                tasks[part] = bars.add_task(part, total=total)
            bars.update(tasks[part], completed=done)

        yield show
