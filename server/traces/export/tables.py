"""The tables by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..records import EpisodeRecord
from . import decisions, episodes, trajectories
from .columns import Cells, Column


class TableSpec(NamedTuple):
    """A table: its columns, and the rows of episodes, which are read as they are wanted."""

    columns: Sequence[Column]
    rows: Callable[[Iterable[EpisodeRecord], str | None], Iterator[Cells]]


TABLES: Mapping[str, TableSpec] = {
    "episodes": TableSpec(episodes.COLUMNS, episodes.rows),
    "trajectories": TableSpec(trajectories.COLUMNS, trajectories.rows),
    "decisions": TableSpec(decisions.COLUMNS, decisions.rows),
}
