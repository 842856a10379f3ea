"""`flyball eval`: compare ways of asking on questions with known answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..training.evaluate.report import Report
    from ..training.evaluate.session import Plan, Session

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("eval", short_help="Compare arms on questions with known answers.")
@click.option(
    "--questions", required=True, type=_FILE, help='JSONL: {"id", "question", "answer", "difficulty"?, "grader"?}.'
)
@click.option("--arms", "arms_file", type=_FILE, help="TOML ([[arms]]) or JSON: name, flyball?, sampling?.")
@click.option("--arm", "arms", multiple=True, metavar="NAME[=JSON]", help="An arm and its flyball block; repeatable.")
@click.option("--url", help="An OpenAI-compatible server, up to /v1.")
@click.option("--api-key-env", metavar="VAR", help="The environment variable with its API key.")
@click.option("--serve", metavar="MODEL", help="Serve this model in this process instead.")
@click.option("--engine-args", default="{}", metavar="JSON", help="For the engine of --serve.")
@click.option("--model", help="Asked for in requests; default: the server's only one.")
@click.option("--grader", default="math", show_default=True, help="math, boxed_exact, or a dotted path.")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many questions.")
@click.option("--samples", default=1, show_default=True, type=click.IntRange(1), help="Repeats per question and arm.")
@click.option("--seed", default=0, show_default=True, help="Of the first sample; sample i has seed + i.")
@click.option(
    "--sampling", default="{}", metavar="JSON", help='For every arm: {"temperature": 0.6, "max_tokens": 4096}.'
)
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1), help="Requests at a time.")
@click.option("--timeout", default=3600.0, show_default=True, help="Seconds; a slower request is an error.")
@click.option("--out", default="eval.json", show_default=True, type=_NEW_FILE, help="The report.")
@click.option("--markdown", "markdown_file", type=_NEW_FILE, help="The table as Markdown, too.")
@click.option("--resume", is_flag=True, help="Go on with a run of the same settings that was broken off.")
def evaluate(markdown_file: Path | None, **options: Any) -> None:
    """Put questions with known answers to several arms; report accuracy, tokens and seconds with 95% intervals.

    The first arm is the baseline, to which the others are compared question by question.

    \b
    flyball eval --url http://127.0.0.1:8000/v1 --questions math.jsonl \\
        --arm plain --arm trimr='{"controllers": [{"name": "trimr"}]}'
    """
    from ..core.errors import ConfigError
    from ..training.evaluate.session import Session

    try:
        plan = _plan(**options)
        session = Session(plan)
        interrupted = _run(session, plan.requests)
        report = session.report()
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    if report is not None:
        _show(report, plan.out, markdown_file)
    if interrupted:
        raise SystemExit(130)
    if report is not None and all(row.error is not None for row in report.rows):
        raise click.ClickException("every request failed")


def _plan(
    questions: Path,
    limit: int | None,
    arms_file: Path | None,
    arms: tuple[str, ...],
    engine_args: str,
    sampling: str,
    **rest: Any,
) -> Plan:
    from ..training.evaluate.arms import load_arms, parse_arm, parse_object
    from ..training.evaluate.questions import load_questions
    from ..training.evaluate.session import Plan

    return Plan(
        questions=load_questions(questions, limit),
        arms=[*(load_arms(arms_file) if arms_file else ()), *map(parse_arm, arms)],
        engine_args=parse_object(engine_args, "--engine-args"),
        sampling=parse_object(sampling, "--sampling"),
        **rest,
    )


def _run(session: Session, requests: int) -> bool:
    """Run it under a progress bar; whether it was interrupted."""
    import asyncio

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ..training.evaluate.rows import Row

    columns = TextColumn("errors {task.fields[errors]}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task, errors = progress.add_task("", total=requests, errors=0), 0

        def on_row(row: Row) -> None:
            nonlocal errors
            errors += row.error is not None
            progress.update(task, advance=1, errors=errors)

        try:
            asyncio.run(session.run(on_row))
        except KeyboardInterrupt:
            return True
    return False


def _show(report: Report, out: Path, markdown_file: Path | None) -> None:
    from rich.console import Console

    from ..training.evaluate.table import markdown, notes, rich_table

    console = Console()
    if not console.is_terminal:
        console.width = 200  # a file has no edge to fold at
    if report.summary.arms:
        console.print(rich_table(report))
    for note in notes(report):
        console.print(note, markup=False, highlight=False)
    console.print(f"saved: {out}", markup=False, highlight=False)
    if not report.complete:
        console.print("go on with --resume")
    if markdown_file is not None:
        markdown_file.write_text(markdown(report), encoding="utf-8")
