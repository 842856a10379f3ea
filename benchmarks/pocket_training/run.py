"""How long the recipes of the pocket models take on this machine: `make bench-pocket-training`.

A whole run takes hours. This one draws every n-th pool of each recipe's examples, takes some of its steps with the network
as it is at that place of the run (its depth, what its middle layers are taught), and adds up: seconds for a token times the
tokens until the next pool that is looked at, drawing the examples, compiling and checkpoints included.
Writes pocket_training.json and pocket_training.md.
"""

import json
import tempfile
from pathlib import Path

import click
import msgspec
from rich.progress import Progress

from benchmarks.overhead.machine import machine, versions
from flyball.training.pocket.recipe import RECIPES

from .report import render
from .sampling import Part, parts

OUT = Path(__file__).resolve().parents[1]


@click.command()
@click.option("--every", default=20, show_default=True, type=click.IntRange(1), help="Look at every n-th pool.")
@click.option("--steps", default=16, show_default=True, type=click.IntRange(1), help="Timed steps of a pool.")
@click.option("--out", type=click.Path(path_type=Path), default=OUT, help="Where the files go.")
def main(every: int, steps: int, out: Path) -> None:
    """Measure the rate of training along both recipes and add up the time of a whole run."""
    found: dict[str, list[Part]] = {}
    setting = machine() | {f"{name} version": version for name, version in versions({}).items() if name == "torch"}
    with Progress() as progress, tempfile.TemporaryDirectory() as folder:
        for role, recipe in RECIPES.items():
            bar = progress.add_task(role, total=recipe.tokens)
            found[role] = []
            for part in parts(recipe, every, steps, Path(folder)):
                found[role].append(part)
                progress.update(bar, completed=part.begin + part.tokens)
    figures = {"machine": setting, "every": every, "steps": steps, "parts": msgspec.to_builtins(found)}
    (out / "pocket_training.json").write_text(json.dumps(figures, indent=1) + "\n")
    (out / "pocket_training.md").write_text(render(figures))
    click.echo(render(figures))


if __name__ == "__main__":
    main()
