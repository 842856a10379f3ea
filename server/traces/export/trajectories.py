"""One row for each trajectory: its tokens, their log-probabilities and spans, and the whole log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import nan

import msgspec

from ....core.trajectory import Trajectory, replay
from ..records import EpisodeRecord
from ..view.decoding import decoder_or_ids, plain_ids, readable
from . import rated
from .columns import Cells, Column, Kind

COLUMNS = (
    Column("id", Kind.TEXT, "the episode's id, a dot, and the index"),
    Column("episode_id", Kind.TEXT, "the episode's id"),
    Column("created", Kind.TIME, "when the request arrived"),
    Column("model", Kind.TEXT, "as the client named it, preset included"),
    Column("index", Kind.INTEGER, "its place in the episode, from 0"),
    Column("seed", Kind.INTEGER, "its seed"),
    Column("finish", Kind.TEXT, "why it ended; null when it never did"),
    Column("sampled", Kind.INTEGER, "tokens that the model wrote and that were kept"),
    Column("thinking", Kind.INTEGER, "those of them that are thinking"),
    Column("injected", Kind.INTEGER, "tokens that controllers, the format or tools wrote"),
    Column("dropped", Kind.INTEGER, "tokens that were decoded and taken back"),
    Column("weight_version", Kind.TEXT, "that of the last sampled tokens"),
    Column("tokenizer", Kind.TEXT, "what reads the ids"),
    Column("prompt_ids", Kind.INTEGERS, "the prompt; -1 is a token that was taken out"),
    Column("ids", Kind.INTEGERS, "kept tokens behind the prompt"),
    Column("logprobs", Kind.NUMBERS, "of each of them; nan (null in JSON lines) where unknown or not sampled"),
    Column("spans", Kind.JSON, "runs of the kept tokens: start, end, channel, origin, marker"),
    Column("text", Kind.TEXT, "the kept tokens as text, markers included; null without the tokenizer"),
    Column("log", Kind.JSON, "every event, as `flyball.core.events` has them; log-probabilities left out"),
    *rated.COLUMNS,
)


def rows(records: Iterable[EpisodeRecord], tokenizer: str | None = None) -> Iterator[Cells]:
    """The rows, each read when it is wanted."""
    for record in records:
        decode, _ = decoder_or_ids(tokenizer or record.tokenizer)
        for each in record.trajectories:
            trajectory = replay(each.log)
            yield {
                "id": f"{record.id}.{each.index}",
                "episode_id": record.id,
                "created": record.created,
                "model": record.model,
                "index": each.index,
                "seed": each.seed,
                "finish": None if each.finish is None else str(each.finish),
                **each.tally._asdict(),
                "weight_version": each.weight_version,
                "tokenizer": record.tokenizer,
                "prompt_ids": trajectory.prompt_ids,
                "ids": trajectory.ids,
                "logprobs": _logprobs(trajectory),
                "spans": _spans(trajectory),
                "text": None if decode is plain_ids else readable(trajectory.ids, decode),
                "log": [_without_logprobs(msgspec.to_builtins(event)) for event in each.log],
                **rated.cells(record),
            }


def _logprobs(trajectory: Trajectory) -> list[float]:
    known = trajectory.logprobs
    return [known[index].logprob if index in known else nan for index in range(len(trajectory.ids))]


def _spans(trajectory: Trajectory) -> list[Cells]:
    return [
        {"start": run.start, "end": end, "channel": str(run.channel), "origin": str(run.origin), "marker": run.marker}
        for run, end in trajectory.spans()
    ]


def _without_logprobs(event: Cells) -> Cells:
    return {name: value for name, value in event.items() if name != "logprobs"}
