"""The report on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import tables
from .results import Report

if TYPE_CHECKING:
    from rich.table import Table


def rich_table(report: Report) -> Table:
    """The goals with their verdicts."""
    from rich.table import Table
    from rich.text import Text

    shown = tables.goals(report)
    table = Table(title=f"world-v1, {report.settings.questions} questions a figure")
    for number, name in enumerate(shown.head):
        table.add_column(name, justify="left" if number in (0, 3) else "right")
    for row in shown.rows:
        style = "green" if row[-1] == "met" else "bold red"
        table.add_row(*row[:-1], Text(row[-1], style=style))
    return table
