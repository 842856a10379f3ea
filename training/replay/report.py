"""A replay as a table for the terminal, as Markdown, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from .grid import Row

if TYPE_CHECKING:
    from rich.table import Table

_HEAD = (
    "M",
    "R",
    "N",
    "cut, %",
    "converged, %",
    "tokens saved, %",
    "accuracy full, %",
    "at the cut, %",
    "false stops, %",
)


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to say about a replay."""

    traces: str
    verifier: str
    budget: int
    """Thinking tokens that R is a share of."""
    replayed: int
    skipped: int
    """Trajectories that cannot be replayed."""
    known: int
    """Traces whose question's answer is known."""
    thinking_tokens: int
    rows: list[Row]


def lines(replay: Replay) -> list[list[str]]:
    """The table's cells."""
    return [
        [
            *(str(row.m), f"{row.r:g}", str(row.n), _percent(row.cut), _percent(row.mild), _percent(row.saved)),
            *(_percent(row.accuracy_full), _percent(row.accuracy_cut), _percent(row.false_stops)),
        ]
        for row in replay.rows
    ]


def notes(replay: Replay) -> list[str]:
    """What must be said with the table."""
    return [
        (
            f"{replay.replayed} traces of {replay.traces} with {replay.thinking_tokens} thinking tokens, {replay.skipped} skipped; "
            f"R is a share of {replay.budget} tokens; verifier: {replay.verifier}"
        ),
        (
            f"accuracies: of the {replay.known} traces whose question's answer is known; at the cut: the last result stated "
            "before it, which the model would answer with; every verdict is there at once, repetition is not looked for"
        ),
    ]


def rich_table(replay: Replay) -> Table:
    """For the terminal."""
    from rich.table import Table

    table = Table()
    for name in _HEAD:
        table.add_column(name, justify="right")
    for cells in lines(replay):
        table.add_row(*cells)
    return table


def markdown(replay: Replay) -> str:
    """For a document."""
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in [_HEAD, ["---:"] * len(_HEAD), *lines(replay)])
    return table + "\n\n" + "\n".join(f"- {note}" for note in notes(replay)) + "\n"


def save(replay: Replay, files: Sequence[Path]) -> None:
    """As Markdown where the name ends in .md, else as JSON."""
    for path in files:
        if path.suffix == ".md":
            path.write_text(markdown(replay), encoding="utf-8")
        else:
            path.write_bytes(msgspec.json.format(msgspec.json.encode(replay), indent=1) + b"\n")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
