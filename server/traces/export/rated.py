"""What was said of an episode, in two columns."""

from __future__ import annotations

from ..records import EpisodeRecord
from .columns import Cells, Column, Kind

COLUMNS = (
    Column("score", Kind.NUMBER, "the mean score of its feedback"),
    Column("label", Kind.TEXT, "the last label of its feedback"),
)


def cells(record: EpisodeRecord) -> Cells:
    """The two cells."""
    scores = [each.score for each in record.feedback if each.score is not None]
    labels = [each.label for each in record.feedback if each.label is not None]
    return {"score": sum(scores) / len(scores) if scores else None, "label": labels[-1] if labels else None}
