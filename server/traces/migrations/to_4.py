"""Version 4: what retention and redaction need to know, and what was lost."""

from __future__ import annotations

import sqlalchemy as sa

_losses = sa.Table(
    "losses",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("noticed", sa.DateTime(timezone=True), nullable=False),
    sa.Column("episodes", sa.Integer, nullable=False),
)
_MEASURE = """
UPDATE episodes SET bytes = length(CAST(request AS TEXT)) + coalesce(
    (SELECT sum(length(log)) FROM trajectories WHERE trajectories.episode_id = episodes.id), 0)
"""


def upgrade(connection: sa.Connection) -> None:
    """Earlier episodes are measured as new ones are: their requests and logs."""
    for column in ("bytes BIGINT DEFAULT 0 NOT NULL", "redacted INTEGER DEFAULT 0 NOT NULL"):
        connection.execute(sa.text(f"ALTER TABLE episodes ADD COLUMN {column}"))
    connection.execute(sa.text(_MEASURE))
    _losses.create(connection)
