"""`flyball replay`: what a method would have done to stored traces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(short_help="What a method would have done to stored traces.")
def replay() -> None:
    """Apply a method to traces that were recorded without it; no engine runs."""


@replay.command()
@click.option("--traces", required=True, metavar="URL|FILE", help="The trace store.")
@click.option("--questions", type=_FILE, help='Known answers: JSONL, {"id", "question", "answer"}, found by the text.')
@click.option("--m", multiple=True, default=(1, 2, 3), show_default=True, type=click.IntRange(1), help="Repeatable.")
@click.option(
    "--r", multiple=True, default=(0.5, 1.0), show_default=True, type=click.FloatRange(0, 1), help="Repeatable."
)
@click.option("--n", multiple=True, default=(10, 20), show_default=True, type=click.IntRange(1), help="Repeatable.")
@click.option("--budget", type=click.IntRange(1), help="Tokens that R is a share of; default: the longest trace's.")
@click.option("--model", default="pocket", show_default=True, help="Whose traces they are.")
@click.option("--sentences", default=5, show_default=True, type=click.IntRange(1), help="That a verifier reads.")
@click.option(
    "--verifier", metavar="URL", help="A model's /v1; by default stated results are compared, without a model."
)
@click.option("--verifier-model", default="verifier", show_default=True, help="What the server calls it.")
@click.option("--few-shot", is_flag=True, help="Ask it with examples, as a general model needs them.")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many requests.")
@click.option("--out", multiple=True, type=_NEW_FILE, help="Save it: FILE.md as Markdown, else as JSON; repeatable.")
def trimr(out: tuple[Path, ...], questions: Path | None, few_shot: bool, **options: Any) -> None:
    """Grids of TrimR's M, R and N: the tokens that each would have saved, and what it would have cost.

    \b
    flyball replay trimr --traces traces.sqlite --questions questions.jsonl --m 1 --m 2 --out grid.md
    """
    from rich.console import Console

    from ..controllers.verifying.prompts import FEW_SHOT, PLAIN
    from ..training.evaluate.questions import load_questions
    from ..training.replay.grid import points
    from ..training.replay.report import notes, rich_table, save
    from ..training.replay.trimr import Plan, run

    asked = load_questions(questions).questions if questions is not None else []
    plan = Plan(
        points=points(options.pop("m"), options.pop("r"), options.pop("n")),
        answers={question.question: question.answer for question in asked},
        verifier_url=options.pop("verifier"),
        prompts=FEW_SHOT if few_shot else PLAIN,
        **options,
    )
    result = run(plan)
    console = Console()
    if not console.is_terminal:
        console.width = 200  # a file has no edge to fold at
    console.print(rich_table(result))
    for note in notes(result):
        console.print(note, markup=False, highlight=False)
    save(result, out)
