"""Version 2: whose an episode is, and what its client thinks of it."""

from __future__ import annotations

import os

import sqlalchemy as sa

_metadata = sa.MetaData()
_episodes = sa.Table("episodes", _metadata, sa.Column("id", sa.String, primary_key=True))
_salts = sa.Table("flyball_salt", _metadata, sa.Column("salt", sa.LargeBinary, nullable=False))
_feedback = sa.Table(
    "feedback",
    _metadata,
    sa.Column("episode_id", sa.String, sa.ForeignKey(_episodes.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("by", sa.String, primary_key=True),
    sa.Column("score", sa.Double),
    sa.Column("label", sa.String),
    sa.Column("comment", sa.String),
    sa.Column("created", sa.DateTime(timezone=True), nullable=False),
)


def upgrade(connection: sa.Connection) -> None:
    """Earlier episodes belong to nobody: only clients without a key can rate them."""
    connection.execute(sa.text("ALTER TABLE episodes ADD COLUMN owner VARCHAR"))
    _salts.create(connection)
    connection.execute(_salts.insert(), {"salt": os.urandom(16)})
    _feedback.create(connection)
