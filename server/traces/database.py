"""Opening the trace store's database: creation of the tables, and the schema's version."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ...core.errors import ConfigError
from . import migrations, schema
from .connecting import engine_of, parse, shown

OPENING_SECONDS = 60
"""How long opening a SQLite store waits for another process that creates or upgrades it."""
_CREATION_LOCK = 0x666C7962
"""Key of the PostgreSQL advisory lock under which replicas that start together create or upgrade the tables once."""


def open_for_writing(url: str) -> sa.Engine:
    """The database at `url`, with the tables created where they are missing, and upgraded where they are older.

    Example: "sqlite:///traces.sqlite", "postgresql+psycopg://user@host/flyball".
    Errors: ConfigError when it cannot be reached or upgraded, or was written by a newer Flyball. It is then as it was.
    """
    target = parse(url)
    if target.get_backend_name() == "sqlite":
        Path(target.database or "").parent.mkdir(parents=True, exist_ok=True)
    with _opening(target, engine_of(target, "BEGIN IMMEDIATE", OPENING_SECONDS)) as connection:
        _bring_up_to_date(connection, target)
    return engine_of(target, "BEGIN IMMEDIATE")


def open_for_reading(url: str) -> sa.Engine:
    """The database at `url`; nothing is changed. Errors: ConfigError as above, or when there is none or an older one."""
    target = parse(url)
    found = version_at(url)
    if found is None:
        raise ConfigError(f"there is no trace store at {shown(target)}")
    if found < schema.VERSION:
        raise ConfigError(
            f"the trace store at {shown(target)} has schema version {found}, this Flyball reads {schema.VERSION}: "
            "bring it up to date with: flyball traces upgrade"
        )
    return engine_of(target, "BEGIN")


def version_at(url: str) -> int | None:
    """The schema version of a store, None where there is none; nothing is changed.

    Errors: ConfigError when it cannot be reached, or is a newer one.
    """
    target = parse(url)
    if target.get_backend_name() == "sqlite" and not Path(target.database or "").is_file():
        return None
    with _opening(target, engine_of(target, "BEGIN")) as connection:
        return _version(connection, target)


@contextmanager
def _opening(target: sa.URL, engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction on a connection of its own. Errors: ConfigError."""
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise ConfigError(f"the trace store at {shown(target)} cannot be opened: {error}") from error
    finally:
        engine.dispose()


def _bring_up_to_date(connection: sa.Connection, target: sa.URL) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATION_LOCK)))
    found = _version(connection, target)
    if found is None:
        schema.metadata.create_all(connection)
        connection.execute(schema.version.insert(), {"version": schema.VERSION})
        connection.execute(schema.salts.insert(), {"salt": os.urandom(16)})
    elif found < schema.VERSION:
        connection.execute(schema.version.update().values(version=migrations.upgrade(connection, found)))


def _version(connection: sa.Connection, target: sa.URL) -> int | None:
    """That of the store; None when there is none. Errors: ConfigError for a newer one."""
    if not sa.inspect(connection).has_table(schema.version.name):
        return None
    found = connection.execute(sa.select(schema.version.c.version)).scalar_one()
    if found > schema.VERSION:
        raise ConfigError(
            f"the trace store at {shown(target)} has schema version {found}, this Flyball knows {schema.VERSION}: "
            "a newer Flyball wrote it; update this one, or name another database"
        )
    return int(found)
