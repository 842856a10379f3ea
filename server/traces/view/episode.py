"""A stored episode, decoded: what the terminal and the page both show."""

from __future__ import annotations

from typing import NamedTuple

from ..records import EpisodeRecord, TrajectoryRecord
from .decoding import decoder_or_ids, readable
from .items import prompt_of
from .rows import Row, rows_of


class TrajectoryView(NamedTuple):
    """One trajectory."""

    record: TrajectoryRecord
    prompt: str
    rows: list[Row]


class Spent(NamedTuple):
    """One item of the ledger."""

    item: str
    spent: float
    limit: float | None

    @property
    def share(self) -> float | None:
        """Of the limit, at most 1; None without one."""
        return None if self.limit is None else min(1.0, self.spent / self.limit) if self.limit else 1.0


class EpisodeView(NamedTuple):
    """An episode; `undecoded` says why its tokens are shown as ids, where they are."""

    record: EpisodeRecord
    trajectories: list[TrajectoryView]
    ledger: list[Spent]
    undecoded: str | None


def view_of(record: EpisodeRecord, tokenizer: str | None = None) -> EpisodeView:
    """The view of a record, read with the tokenizer that it names or with another."""
    decode, undecoded = decoder_or_ids(tokenizer or record.tokenizer)
    trajectories = [
        TrajectoryView(each, readable(prompt_of(each.log), decode), rows_of(each, decode))
        for each in record.trajectories
    ]
    ledger = [Spent(item, entry.get("spent", 0.0), entry.get("limit")) for item, entry in record.ledger.items()]
    return EpisodeView(record, trajectories, ledger, undecoded)
