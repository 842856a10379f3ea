"""What a trainer needs of a trajectory: token ids, which of them the model sampled, and how likely they were.

Legend: `_T` runs over the tokens of one training row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .events import AnyEvent, Appended, ContextReplaced, Dropped, Origin, Rendered


class TrainingRow(NamedTuple):
    """One stretch of context that was decoded without being replaced.

    Shapes: ids_T, mask_T (True: sampled by the model), logp_T (behaviour log-probability; nan where unknown).
    """

    ids_T: list[int]
    mask_T: list[bool]
    logp_T: list[float]
    weight_version: str | None


class _Row:
    """A training row while it grows."""

    def __init__(self, prompt: Sequence[int], begins_at: int) -> None:
        self.begins_at, self.offset = begins_at, len(prompt)
        self.ids, self.mask = list(prompt), [False] * len(prompt)
        self.logp = [float("nan")] * len(prompt)
        self.weight_version: str | None = None

    def append(self, event: Appended) -> None:
        self.ids += event.ids
        self.mask += [event.origin is Origin.SAMPLED] * len(event.ids)
        self.logp += event.logprobs if event.logprobs is not None else [float("nan")] * len(event.ids)
        self.weight_version = event.weight_version or self.weight_version

    def cut(self, position: int) -> None:
        keep = self.offset + position - self.begins_at
        del self.ids[keep:], self.mask[keep:], self.logp[keep:]


def training_rows(log: Iterable[AnyEvent]) -> list[TrainingRow]:
    """See `Trajectory.training_rows`; rows without a sampled token are left out."""
    rows: list[_Row] = []
    for event in log:
        match event:
            case Rendered():
                rows.append(_Row(event.ids, 0))
            case ContextReplaced():
                rows.append(_Row(event.ids, event.position))
            case Appended():
                rows[-1].append(event)
            case Dropped():
                while rows[-1].begins_at > event.position:  # the replacement itself was taken back
                    rows.pop()
                rows[-1].cut(event.position)
    return [TrainingRow(row.ids, row.mask, row.logp, row.weight_version) for row in rows if any(row.mask)]
