"""The tables of the trace store, the same in SQLite and PostgreSQL.

A trajectory's log is msgpack: unlike JSON it keeps every float, log-probabilities of -inf and unknown (nan) ones too.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

VERSION = 4
"""Raised by every change of a table or of the log's encoding; each has its step in `migrations/`."""

metadata = sa.MetaData()


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A moment, stored in UTC; SQLite keeps no time zone. Errors: ValueError for a time without one."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _child_of(column: str, parent: sa.Column[str]) -> sa.Column[str]:
    return sa.Column(column, sa.String, sa.ForeignKey(parent, ondelete="CASCADE"), nullable=False, index=True)


version = sa.Table("flyball_schema", metadata, sa.Column("version", sa.Integer, primary_key=True, autoincrement=False))

salts = sa.Table("flyball_salt", metadata, sa.Column("salt", sa.LargeBinary, nullable=False))
"""One row, drawn when the store is made: what clients' keys are hashed with."""

episodes = sa.Table(
    "episodes",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("created", UtcDateTime, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("preset", sa.String),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("ledger", sa.JSON, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("schema", sa.Integer, nullable=False),
    sa.Column("owner", sa.String),
    sa.Column("tokenizer", sa.String),
    sa.Column("format", sa.String),
    sa.Column("controllers", sa.String, nullable=False, server_default=","),
    sa.Column("bytes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("redacted", sa.Integer, nullable=False, server_default="0"),
    sa.Index("episodes_by_time", "created", "id"),
)

trajectories = sa.Table(
    "trajectories",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    _child_of("episode_id", episodes.c.id),
    sa.Column("index", sa.Integer, nullable=False),
    sa.Column("seed", sa.BigInteger),
    sa.Column("finish", sa.String),
    sa.Column("sampled", sa.Integer, nullable=False),
    sa.Column("thinking", sa.Integer, nullable=False),
    sa.Column("injected", sa.Integer, nullable=False),
    sa.Column("dropped", sa.Integer, nullable=False),
    sa.Column("weight_version", sa.String),
    sa.Column("log", sa.LargeBinary, nullable=False),
)

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    _child_of("trajectory_id", trajectories.c.id),
    _child_of("episode_id", episodes.c.id),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("policy", sa.String, nullable=False),
    sa.Column("policy_version", sa.String, nullable=False),
    sa.Column("features", sa.JSON, nullable=False),
    sa.Column("candidates", sa.JSON, nullable=False),
    sa.Column("chosen", sa.JSON, nullable=False),
    sa.Column("probability", sa.Double),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("created", UtcDateTime, nullable=False),
    sa.Index("decisions_by_kind", "kind", "created"),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("episode_id", sa.String, sa.ForeignKey(episodes.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("by", sa.String, primary_key=True),
    sa.Column("score", sa.Double),
    sa.Column("label", sa.String),
    sa.Column("comment", sa.String),
    sa.Column("created", UtcDateTime, nullable=False),
)

losses = sa.Table(
    "losses",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("noticed", UtcDateTime, nullable=False),
    sa.Column("episodes", sa.Integer, nullable=False),
)
"""Episodes that writers lost, written down as soon as the store takes something again."""
