"""One row for each decision, with what came of its episode: what a policy is learned from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..records import EpisodeRecord
from . import rated
from .columns import Cells, Column, Kind

COLUMNS = (
    Column("episode_id", Kind.TEXT, "the episode's id"),
    Column("trajectory", Kind.INTEGER, "the index of its trajectory"),
    Column("created", Kind.TIME, "when the request arrived"),
    Column("model", Kind.TEXT, "as the client named it, preset included"),
    Column("preset", Kind.TEXT, "the preset's name"),
    Column("position", Kind.INTEGER, "how many tokens were kept before it"),
    Column("kind", Kind.TEXT, "what was decided: think, hint, tools, …"),
    Column("policy", Kind.TEXT, "who decided; model when the model's own token did"),
    Column("policy_version", Kind.TEXT, "its version"),
    Column("candidates", Kind.TEXTS, "what could be chosen"),
    Column("chosen", Kind.TEXTS, "what was"),
    Column("probability", Kind.NUMBER, "of the whole set that was chosen; null where unknown"),
    Column("features", Kind.JSON, "what the policy saw, by name"),
    Column("finish", Kind.TEXT, "how the episode ended"),
    Column("seconds", Kind.NUMBER, "how long the episode took"),
    Column("sampled", Kind.INTEGER, "tokens that the model wrote and that were kept, of the trajectory"),
    Column("dropped", Kind.INTEGER, "tokens that were taken back, of the trajectory"),
    *rated.COLUMNS,
)


def rows(records: Iterable[EpisodeRecord], tokenizer: str | None = None) -> Iterator[Cells]:
    """The rows, each read when it is wanted."""
    for record in records:
        for trajectory in record.trajectories:
            for decision in trajectory.decisions():
                yield {
                    "episode_id": record.id,
                    "trajectory": trajectory.index,
                    "created": record.created,
                    "model": record.model,
                    "preset": record.preset,
                    "position": decision.position,
                    "kind": decision.kind,
                    "policy": decision.policy,
                    "policy_version": decision.policy_version,
                    "candidates": list(decision.candidates),
                    "chosen": list(decision.chosen),
                    "probability": decision.probability,
                    "features": dict(decision.features),
                    "finish": record.outcome,
                    "seconds": record.seconds,
                    "sampled": trajectory.tally.sampled,
                    "dropped": trajectory.tally.dropped,
                    **rated.cells(record),
                }
