"""`flyball pocket`: train, measure and check the small models that ship with the package."""

import json
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..training.pocket.chain import Split
    from ..training.pocket.measure import Way

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group()
def pocket() -> None:
    """Train, measure and check the pocket models."""


@pocket.command()
@click.option("--out", type=FOLDER, required=True, help="Folder of the model; a run cut off in it goes on.")
@click.option("--tokens", type=click.IntRange(1), help="Tokens to train on (default: the recipe's).")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
@click.option("--questions", type=click.IntRange(1), default=100, show_default=True, help="Test questions per figure.")
def train(out: Path, tokens: int | None, seed: int, threads: int, questions: int) -> None:
    """Train chain-v0 from nothing and write it with its card."""
    import torch
    from rich.progress import Progress, TextColumn

    from ..training.pocket.card import write_folder
    from ..training.pocket.train import TrainConfig
    from ..training.pocket.train import train as run

    torch.set_num_threads(threads)
    config = TrainConfig(seed=seed) if tokens is None else TrainConfig(seed=seed, tokens=tokens)
    with Progress(*Progress.get_default_columns(), TextColumn("{task.fields[note]}")) as progress:
        task = progress.add_task("training", total=config.tokens, note="")

        def report(seen: int, loss: float) -> None:
            progress.update(task, completed=seen, note=f"loss {loss:.4f}")

        tokenizer, state = run(config, out, report)
        progress.update(task, completed=config.tokens, note="measuring")
        card = write_folder(out, config, tokenizer, state, questions)
    click.echo(f"{out}: {card['tokens']} tokens, validation loss {card['validation_loss']}")


@pocket.command()
@click.option("--split", type=click.Choice(["train", "validation", "test"]), default="test", show_default=True)
@click.option("--n", type=click.IntRange(1), default=200, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--steps", type=click.IntRange(1, 12), multiple=True, help="Numbers of steps to draw from (default: all)."
)
@click.option("--out", type=click.File("w", encoding="utf-8"), default="-", help="JSONL file (default: the terminal).")
def questions(split: "Split", n: int, seed: int, steps: tuple[int, ...], out: IO[str]) -> None:
    """Write questions with their answers, one JSON object a line."""
    from ..training.pocket.chain import questions as draw

    for question in draw(split, n, seed, steps or None):
        row = {"id": question.id, "question": question.text, "answer": question.answer, "difficulty": question.steps}
        out.write(json.dumps(row) + "\n")


@pocket.command()
@click.argument("folder", type=FOLDER, required=False)
@click.option(
    "--way", type=click.Choice(["thinking", "direct", "soft", "default"]), default="thinking", show_default=True
)
@click.option("--steps", type=click.IntRange(1, 12), multiple=True, default=(1, 4, 8), show_default=True)
@click.option("--n", type=click.IntRange(1), default=100, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def measure(folder: Path | None, way: "Way", steps: tuple[int, ...], n: int, seed: int) -> None:
    """Ask held-out questions greedily and count the right answers."""
    from tokenizers import Tokenizer
    from transformers import Qwen3ForCausalLM

    from ..training.pocket.hashes import shipped
    from ..training.pocket.measure import measure as ask

    source = folder or shipped()
    model = Qwen3ForCausalLM.from_pretrained(source)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    for count in steps:
        cell = ask(model, tokenizer, way, count, n, seed)
        click.echo(f"{way}, {count} steps: {cell.correct} of {cell.asked} correct, {cell.mean_tokens} tokens each")


@pocket.command()
@click.argument("folder", type=FOLDER, required=False)
def check(folder: Path | None) -> None:
    """Compare the files of a model with the hashes they were frozen with."""
    from ..training.pocket.hashes import shipped, verify

    source = folder or shipped()
    problems = verify(source)
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise SystemExit(1)
    click.echo(f"{source}: every file is as it was frozen")
