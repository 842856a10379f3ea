"""A store as the first version of the schema made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from flyball.server.traces import schema
from flyball.server.traces.encoding import rows_of
from flyball.server.traces.records import EpisodeRecord

_TYPES = {
    "sqlite": {"TIME": "DATETIME", "BLOB": "BLOB", "DOUBLE": "DOUBLE", "SERIAL": "INTEGER"},
    "postgresql": {
        "TIME": "TIMESTAMP WITH TIME ZONE",
        "BLOB": "BYTEA",
        "DOUBLE": "DOUBLE PRECISION",
        "SERIAL": "BIGSERIAL",
    },
}
_DDL = """
CREATE TABLE flyball_schema (version INTEGER NOT NULL, PRIMARY KEY (version));
CREATE TABLE episodes (
    id VARCHAR NOT NULL, created {TIME} NOT NULL, model VARCHAR NOT NULL, preset VARCHAR, request JSON NOT NULL,
    outcome VARCHAR NOT NULL, ledger JSON NOT NULL, seconds {DOUBLE} NOT NULL, schema INTEGER NOT NULL,
    PRIMARY KEY (id));
CREATE INDEX episodes_by_time ON episodes (created, id);
CREATE TABLE trajectories (
    id VARCHAR NOT NULL, episode_id VARCHAR NOT NULL, "index" INTEGER NOT NULL, seed BIGINT, finish VARCHAR,
    sampled INTEGER NOT NULL, thinking INTEGER NOT NULL, injected INTEGER NOT NULL, dropped INTEGER NOT NULL,
    weight_version VARCHAR, log {BLOB} NOT NULL, PRIMARY KEY (id),
    FOREIGN KEY(episode_id) REFERENCES episodes (id) ON DELETE CASCADE);
CREATE INDEX ix_trajectories_episode_id ON trajectories (episode_id);
CREATE TABLE decisions (
    id {SERIAL} NOT NULL, trajectory_id VARCHAR NOT NULL, episode_id VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    policy VARCHAR NOT NULL, policy_version VARCHAR NOT NULL, features JSON NOT NULL, candidates JSON NOT NULL,
    chosen JSON NOT NULL, probability {DOUBLE}, position INTEGER NOT NULL, created {TIME} NOT NULL, PRIMARY KEY (id),
    FOREIGN KEY(trajectory_id) REFERENCES trajectories (id) ON DELETE CASCADE,
    FOREIGN KEY(episode_id) REFERENCES episodes (id) ON DELETE CASCADE);
CREATE INDEX decisions_by_kind ON decisions (kind, created);
CREATE INDEX ix_decisions_trajectory_id ON decisions (trajectory_id);
CREATE INDEX ix_decisions_episode_id ON decisions (episode_id);
INSERT INTO flyball_schema VALUES (1)
"""
_EPISODE = ("id", "created", "model", "preset", "request", "outcome", "ledger", "seconds", "schema")


def make(engine: sa.Engine, records: Sequence[EpisodeRecord] = ()) -> None:
    """Create the tables, with these episodes in them."""
    with engine.begin() as connection:
        for statement in _DDL.format(**_TYPES[engine.dialect.name]).split(";"):
            connection.execute(sa.text(statement))
        insert(connection, records)


def insert(connection: sa.Connection, records: Sequence[EpisodeRecord]) -> None:
    """What a writer of that version does."""
    rows = rows_of(list(records))
    if records:
        connection.execute(schema.episodes.insert(), [_then(row) for row in rows.episodes])
        connection.execute(schema.trajectories.insert(), rows.trajectories)
        connection.execute(schema.decisions.insert(), rows.decisions)


def _then(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _EPISODE} | {"schema": 1}
