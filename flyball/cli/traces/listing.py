"""The list, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flyball.server.traces.records import Feedback
from flyball.server.traces.summaries import Summary
from flyball.server.traces.view.clean import clean, clean_json


def print_json(found: Iterable[Summary]) -> None:
    """One object a line."""
    for each in found:
        click.echo(clean_json(msgspec.json.encode(each).decode()))


def print_table(found: Iterable[Summary]) -> None:
    """A table; nothing in it is taken for markup."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("id", no_wrap=True)
    table.add_column("began (UTC)", no_wrap=True)
    for column in ("model", "controllers", "finish"):
        table.add_column(column, overflow="fold")
    for column in ("tokens", "thought", "dropped", "s"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("feedback", overflow="fold")
    for each in found:
        table.add_row(*(Text(clean(cell)) for cell in _cells(each)))
    Console().print(table if table.row_count else "no episodes")


def _cells(each: Summary) -> Sequence[str]:
    return (
        each.id,
        each.created.strftime("%Y-%m-%d %H:%M:%S"),
        each.model,
        ", ".join(each.controllers),
        each.outcome,
        str(each.sampled),
        str(each.thinking),
        str(each.dropped),
        f"{each.seconds:.2f}",
        "; ".join(map(said, each.feedback)),
    )


def said(feedback: Feedback) -> str:
    """Feedback in some words. Example: "good 0.9 (by ann)"."""
    words = [feedback.label or "", "" if feedback.score is None else f"{feedback.score:g}"]
    return " ".join([*filter(None, words), *([f"(by {feedback.by})"] if feedback.by else [])])
