"""Between records and table rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from ...core.events import AnyEvent, FinishReason
from ...core.trajectory import Tally
from . import schema
from .records import EpisodeRecord, TrajectoryRecord

Row = dict[str, Any]

_encode_log = msgspec.msgpack.Encoder().encode
_decode_log = msgspec.msgpack.Decoder(list[AnyEvent]).decode


class Rows(NamedTuple):
    """The rows of one or more records, per table."""

    episodes: list[Row]
    trajectories: list[Row]
    decisions: list[Row]


def rows_of(records: list[EpisodeRecord]) -> Rows:
    """What is inserted for `records`."""
    rows = Rows([], [], [])
    for record in records:
        rows.episodes.append(_episode_row(record))
        for trajectory in record.trajectories:
            row = _trajectory_row(record, trajectory)
            rows.trajectories.append(row)
            rows.decisions.extend(_decision_rows(record, trajectory, row["id"]))
    return rows


def _episode_row(record: EpisodeRecord) -> Row:
    return {
        "id": record.id,
        "created": record.created,
        "model": record.model,
        "preset": record.preset,
        "request": {"messages": record.messages, "flyball": record.flyball, "sampling": record.sampling},
        "outcome": record.outcome,
        "ledger": record.ledger,
        "seconds": record.seconds,
        "schema": schema.VERSION,
    }


def _trajectory_row(episode: EpisodeRecord, record: TrajectoryRecord) -> Row:
    return {
        "id": f"{episode.id}.{record.index}",
        "episode_id": episode.id,
        "index": record.index,
        "seed": record.seed,
        "finish": record.finish,
        **record.tally._asdict(),
        "weight_version": record.weight_version,
        "log": _encode_log(record.log),
    }


def _decision_rows(episode: EpisodeRecord, record: TrajectoryRecord, trajectory_id: str) -> list[Row]:
    return [
        {
            "trajectory_id": trajectory_id,
            "episode_id": episode.id,
            "created": episode.created,
            **msgspec.structs.asdict(decision),
        }
        for decision in record.decisions()
    ]


def episode_of(row: sa.RowMapping, trajectories: list[TrajectoryRecord]) -> EpisodeRecord:
    """The record that was stored as `row`."""
    request = row["request"]
    return EpisodeRecord(
        id=row["id"],
        created=row["created"],
        model=row["model"],
        preset=row["preset"],
        messages=request["messages"],
        flyball=request["flyball"],
        sampling=request["sampling"],
        outcome=row["outcome"],
        ledger=row["ledger"],
        seconds=row["seconds"],
        trajectories=trajectories,
    )


def trajectory_of(row: sa.RowMapping) -> TrajectoryRecord:
    """The record that was stored as `row`, its log decoded."""
    return TrajectoryRecord(
        index=row["index"],
        seed=row["seed"],
        finish=None if row["finish"] is None else FinishReason(row["finish"]),
        tally=Tally(*(row[name] for name in Tally._fields)),
        weight_version=row["weight_version"],
        log=_decode_log(row["log"]),
    )
