"""Between records and table rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from ...core.events import AnyEvent, FinishReason
from ...core.trajectory import Tally
from . import schema
from .records import EpisodeRecord, Feedback, TrajectoryRecord

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
        trajectories = [_trajectory_row(record, trajectory) for trajectory in record.trajectories]
        rows.episodes.append(_episode_row(record, sum(len(row["log"]) for row in trajectories)))
        rows.trajectories.extend(trajectories)
        for trajectory, row in zip(record.trajectories, trajectories, strict=True):
            rows.decisions.extend(_decision_rows(record, trajectory, row["id"]))
    return rows


def _episode_row(record: EpisodeRecord, log_bytes: int) -> Row:
    request = {"messages": record.messages, "flyball": record.flyball, "sampling": record.sampling}
    return {
        "id": record.id,
        "created": record.created,
        "model": record.model,
        "preset": record.preset,
        "request": request,
        "outcome": record.outcome,
        "ledger": record.ledger,
        "seconds": record.seconds,
        "schema": schema.VERSION,
        "owner": record.owner,
        "tokenizer": record.tokenizer,
        "format": record.format,
        "controllers": controllers_column(record.controllers()),
        "bytes": log_bytes + len(msgspec.json.encode(request)),
        "redacted": record.redacted,
    }


def controllers_column(names: Iterable[str]) -> str:
    """A text in which each name stands between commas. Example: ",trimr,hint_infer," and, of none, ","."""
    return "".join(f",{name}" for name in names) + ","


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


def episode_of(
    row: sa.RowMapping, trajectories: list[TrajectoryRecord], feedback: Sequence[Feedback] = ()
) -> EpisodeRecord:
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
        owner=row["owner"],
        tokenizer=row["tokenizer"],
        format=row["format"],
        redacted=row["redacted"],
        trajectories=trajectories,
        feedback=tuple(feedback),
    )


def feedback_of(row: sa.RowMapping) -> Feedback:
    """The feedback that was stored as `row`."""
    return Feedback(**{name: row[name] for name in Feedback.__struct_fields__})


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
