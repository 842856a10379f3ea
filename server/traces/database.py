"""Opening the trace store's database: connection settings, creation of the tables, check of the schema version."""

from __future__ import annotations

from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ...core.errors import ConfigError
from . import schema

LOCK_SECONDS = 5
"""How long a SQLite write waits for another process's before it counts as failed."""
_CREATION_LOCK = 0x666C7962
"""Key of the PostgreSQL advisory lock under which replicas that start together create the tables once."""


def open_for_writing(url: str) -> sa.Engine:
    """The database at `url`, with the tables created where they are missing.

    Example: "sqlite:///traces.sqlite", "postgresql+psycopg://user@host/flyball".
    Errors: ConfigError when it cannot be reached, or was written by another version of the schema.
    """
    target = _parse(url)
    if target.get_backend_name() == "sqlite":
        Path(target.database or "").parent.mkdir(parents=True, exist_ok=True)
    return _opened(target, create=True)


def open_for_reading(url: str) -> sa.Engine:
    """The database at `url`; nothing is created. Errors: ConfigError as above, or when there is no trace store."""
    target = _parse(url)
    if target.get_backend_name() == "sqlite" and not Path(target.database or "").is_file():
        raise ConfigError(f"there is no trace store at {_shown(target)}")
    return _opened(target, create=False)


def _parse(url: str) -> sa.URL:
    try:
        target = sa.make_url(url)
    except ArgumentError:
        raise ConfigError(
            "the trace store's URL cannot be read; write sqlite:///FILE or postgresql+psycopg://…"
        ) from None
    if target.drivername == "postgresql":
        target = target.set(drivername="postgresql+psycopg")
    backend = target.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise ConfigError(f"the trace store is kept in SQLite or PostgreSQL, not in {backend}")
    if backend == "sqlite" and target.database in (None, "", ":memory:"):
        raise ConfigError("the trace store's SQLite URL must name a file: sqlite:///FILE")
    return target


def _opened(target: sa.URL, create: bool) -> sa.Engine:
    engine = _engine(target, "BEGIN IMMEDIATE" if create else "BEGIN")
    try:
        with engine.begin() as connection:
            if create:
                _create(connection)
            _check_version(connection, target)
    except SQLAlchemyError as error:
        engine.dispose()
        raise ConfigError(f"the trace store at {_shown(target)} cannot be opened: {error}") from error
    except ConfigError:
        engine.dispose()
        raise
    return engine


def _engine(target: sa.URL, begin: str) -> sa.Engine:
    """An engine that never prints parameters: they hold the users' messages."""
    try:
        engine = sa.create_engine(
            target,
            hide_parameters=True,
            pool_pre_ping=target.get_backend_name() == "postgresql",
            json_serializer=lambda value: msgspec.json.encode(value).decode(),
            json_deserializer=msgspec.json.decode,
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise ConfigError(
            f"the trace store at {_shown(target)} needs its driver: pip install flyball[postgres]"
        ) from error
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, begin)
    return engine


def _prepare_sqlite(engine: sa.Engine, begin: str) -> None:
    """WAL, so that reading never stops writing; transactions begun by us, as the driver begins none before DDL."""

    def on_connect(connection: SqliteConnection, _record: Any) -> None:
        connection.isolation_level = None
        pragmas = (f"busy_timeout={LOCK_SECONDS * 1000}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()

    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    sa.event.listen(engine, "connect", on_connect)
    sa.event.listen(engine, "begin", on_begin)


def _create(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATION_LOCK)))
    if not sa.inspect(connection).has_table(schema.version.name):
        schema.metadata.create_all(connection)
        connection.execute(schema.version.insert(), {"version": schema.VERSION})


def _check_version(connection: sa.Connection, target: sa.URL) -> None:
    if not sa.inspect(connection).has_table(schema.version.name):
        raise ConfigError(f"there is no trace store at {_shown(target)}")
    found = connection.execute(sa.select(schema.version.c.version)).scalar()
    if found != schema.VERSION:
        raise ConfigError(
            f"the trace store at {_shown(target)} has schema version {found}, this Flyball writes {schema.VERSION}; "
            "use the Flyball that wrote it, or another database"
        )


def _shown(target: sa.URL) -> str:
    return target.render_as_string(hide_password=True)
