"""`flyball eval`: compare ways of asking on questions with known answers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from ..training.evaluate.report import Report
    from ..training.evaluate.rows import Row
    from ..training.evaluate.session import Plan, Session

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("eval", short_help="Compare arms on questions with known answers.")
@click.option("--questions", required=True, type=_FILE, help="JSONL: ours, GSM8K, MATH, AIME, GPQA, HumanEval, MBPP.")
@click.option("--reader", help="The form of that file, where its fields do not say it; or a dotted path.")
@click.option("--arms", "arms_file", type=_FILE, help="TOML ([[arms]]) or JSON: name, flyball?, sampling?.")
@click.option("--arm", "arms", multiple=True, metavar="NAME[=JSON]", help="An arm and its flyball block; repeatable.")
@click.option("--url", help="An OpenAI-compatible server, up to /v1.")
@click.option("--api-key-env", metavar="VAR", help="The environment variable with its API key.")
@click.option("--serve", metavar="MODEL", help="Serve this model in this process instead.")
@click.option("--engine-args", default="{}", metavar="JSON", help="For the engine of --serve.")
@click.option("--model", help="Asked for in requests; default: the server's only one.")
@click.option(
    "--grader",
    metavar="NAME[=JSON]",
    help="exact, boxed_exact, numeric, math, choice, unit_tests, judge, or a dotted path, perhaps with parameters. "
    "Default: each question's own, else math.",
)
@click.option("--baselines", is_flag=True, help="Make iso-token baselines of every arm with a flyball block, too.")
@click.option("--price", metavar="input=USD,output=USD", help="Per million tokens; default: the server's ledger.")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many questions.")
@click.option("--samples", default=1, show_default=True, type=click.IntRange(1), help="Repeats per question and arm.")
@click.option("--seed", default=0, show_default=True, help="Each question's own follows from it.")
@click.option(
    "--sampling", default="{}", metavar="JSON", help='For every arm: {"temperature": 0.6, "max_tokens": 4096}.'
)
@click.option(
    "--concurrency", default="8", show_default=True, metavar="N[,N...]", help="Requests at a time; more for their time."
)
@click.option("--timeout", default=3600.0, show_default=True, help="Seconds; a slower request is an error.")
@click.option("--out", default="eval.json", show_default=True, type=_NEW_FILE, help="The report.")
@click.option("--markdown", "markdown_file", type=_NEW_FILE, help="The tables as Markdown, too.")
@click.option("--plot", "plot_file", type=_NEW_FILE, help="Accuracy against tokens and dollars, as PNG, SVG or PDF.")
@click.option("--reuse", multiple=True, type=_FILE, help="A report whose plain responses serve here, too; repeatable.")
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with a run of the same settings, or grade a finished one anew; asks what lacks.",
)
def evaluate(markdown_file: Path | None, plot_file: Path | None, **options: Any) -> None:
    """Put questions with known answers to several arms; report accuracy, tokens, dollars and seconds with 95% intervals.

    The first arm is the one to which the others are compared, question by question. See docs/eval.md.

    \b
    flyball eval --url http://127.0.0.1:8000/v1 --questions math.jsonl \\
        --arm plain --arm trimr='{"controllers": [{"name": "trimr"}]}'
    """
    from ..core.errors import FlyballError
    from ..training.evaluate.pareto import check_plot
    from ..training.evaluate.session import Session

    try:
        if plot_file is not None:
            check_plot(plot_file)
        plan = _plan(**options)
        session = Session(plan)
        interrupted = _run(session)
        report = session.report()
    except FlyballError as error:
        raise click.ClickException(str(error)) from error
    if report is not None:
        _show(report, plan.out, markdown_file, plot_file)
    if interrupted:
        raise SystemExit(130)
    if report is not None and all(row.error is not None for row in report.rows):
        raise click.ClickException("every request failed")


def _plan(
    questions: Path,
    reader: str | None,
    limit: int | None,
    arms_file: Path | None,
    arms: tuple[str, ...],
    engine_args: str,
    sampling: str,
    price: str | None,
    concurrency: str,
    **rest: Any,
) -> Plan:
    from ..training.evaluate.arms import load_arms, parse_arm, parse_object
    from ..training.evaluate.cost import parse_price
    from ..training.evaluate.questions import load_questions
    from ..training.evaluate.session import Plan

    return Plan(
        questions=load_questions(questions, limit, reader, rest["seed"]),
        arms=[*(load_arms(arms_file) if arms_file else ()), *map(parse_arm, arms)],
        engine_args=parse_object(engine_args, "--engine-args"),
        sampling=parse_object(sampling, "--sampling"),
        price=None if price is None else parse_price(price),
        concurrency=_concurrency(concurrency),
        **rest,
    )


def _concurrency(text: str) -> tuple[int, ...]:
    from ..core.errors import ConfigError

    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts) or len(set(parts)) < len(parts):
        raise ConfigError(f"--concurrency: write different whole numbers from 1 on, such as 8 or 1,8,64, not {text!r}")
    return tuple(map(int, parts))


def _run(session: Session) -> bool:
    """Run it under a progress bar; whether it was interrupted."""
    import asyncio

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    text = TextColumn("{task.description}, failed {task.fields[failed]}")
    with Progress(
        text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True)
    ) as progress:
        try:
            asyncio.run(session.run(_Bar(progress)))
        except KeyboardInterrupt:
            return True
    return False


class _Bar:
    """Shows each phase of a run as a bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._failed = 0

    def phase(self, name: str, total: int) -> None:
        """A new bar."""
        self._failed = 0
        self._task = self._progress.add_task(name, total=total, failed=0)

    def row(self, row: Row) -> None:
        """One more is done."""
        self._failed += row.error is not None
        if self._task is not None:
            self._progress.update(self._task, advance=1, failed=self._failed)


def _show(report: Report, out: Path, markdown_file: Path | None, plot_file: Path | None) -> None:
    from rich.console import Console

    from ..training.evaluate.notes import notes
    from ..training.evaluate.table import markdown, rich_tables

    console = Console()
    if not console.is_terminal:
        console.width = 200  # a file has no edge to fold at
    if report.summary.arms:
        for table in rich_tables(report):
            console.print(table)
    for note in notes(report):
        console.print(note, markup=False, highlight=False)
    console.print(f"saved: {out}", markup=False, highlight=False)
    if not report.complete:
        console.print("go on with --resume")
    if plot_file is not None:
        from ..training.evaluate.pareto import save_plot

        save_plot(report, plot_file)
    if markdown_file is not None:
        plot = None if plot_file is None else os.path.relpath(plot_file, markdown_file.parent)
        markdown_file.write_text(markdown(report, plot), encoding="utf-8")
