"""One row for each episode: what was asked, answered, spent, and said of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ....core.events import Channel
from ....core.trajectory import Trajectory, replay
from ..records import EpisodeRecord
from ..view.decoding import Decode, decoder_or_ids, plain_ids, readable
from . import rated
from .columns import Cells, Column, Kind

COLUMNS = (
    Column("id", Kind.TEXT, "the trace's id, as the response told it"),
    Column("created", Kind.TIME, "when the request arrived"),
    Column("model", Kind.TEXT, "as the client named it, preset included"),
    Column("preset", Kind.TEXT, "the preset's name"),
    Column("controllers", Kind.TEXTS, "names of those that the request asked for, in its order"),
    Column("finish", Kind.TEXT, "what the client was told: stop, length, tool_calls; or cancelled, error"),
    Column("seconds", Kind.NUMBER, "how long the request took"),
    Column("trajectories", Kind.INTEGER, "how many"),
    Column("sampled", Kind.INTEGER, "tokens that the model wrote and that were kept, of all trajectories"),
    Column("thinking", Kind.INTEGER, "those of them that are thinking"),
    Column("injected", Kind.INTEGER, "tokens that controllers, the format or tools wrote"),
    Column("dropped", Kind.INTEGER, "tokens that were decoded and taken back"),
    Column("redacted", Kind.INTEGER, "tokens and stretches of text taken out before it was stored"),
    Column("messages", Kind.JSON, "the conversation"),
    Column("answers", Kind.TEXTS, "the answer of each trajectory, as text; null without the tokenizer"),
    Column("flyball", Kind.JSON, "the request's flyball block, preset included"),
    Column("sampling", Kind.JSON, "sampling parameters, as the client sent them"),
    Column("ledger", Kind.JSON, "spent and limit of each item"),
    *rated.COLUMNS,
    Column("feedback", Kind.JSON, "all of it: by, score, label, comment, created"),
)


def rows(records: Iterable[EpisodeRecord], tokenizer: str | None = None) -> Iterator[Cells]:
    """The rows, each read when it is wanted."""
    for record in records:
        tallies = [each.tally for each in record.trajectories]
        yield {
            "id": record.id,
            "created": record.created,
            "model": record.model,
            "preset": record.preset,
            "controllers": record.controllers(),
            "finish": record.outcome,
            "seconds": record.seconds,
            "trajectories": len(tallies),
            "sampled": sum(tally.sampled for tally in tallies),
            "thinking": sum(tally.thinking for tally in tallies),
            "injected": sum(tally.injected for tally in tallies),
            "dropped": sum(tally.dropped for tally in tallies),
            "redacted": record.redacted,
            "messages": record.messages,
            "answers": _answers(record, tokenizer),
            "flyball": record.flyball,
            "sampling": record.sampling,
            "ledger": record.ledger,
            **rated.cells(record),
            "feedback": [msgspec.to_builtins(each) for each in record.feedback],
        }


def _answers(record: EpisodeRecord, tokenizer: str | None) -> list[str] | None:
    decode, _ = decoder_or_ids(tokenizer or record.tokenizer)
    if decode is plain_ids:
        return None
    return [answer(replay(each.log), decode) for each in record.trajectories]


def answer(trajectory: Trajectory, decode: Decode) -> str:
    """The text of the answer's spans, no markers."""
    spans = [span for span in trajectory.spans() if span[0].channel is Channel.ANSWER and not span[0].marker]
    text = "".join(readable(trajectory.ids[run.start : end], decode) for run, end in spans)
    cut = trajectory.finished.answer_chars if trajectory.finished is not None else None
    return text.strip() if cut is None else text.lstrip()[:cut]
