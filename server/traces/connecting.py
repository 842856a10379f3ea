"""Connections to the trace store's database: which URLs are taken, and how each kind is set."""

from __future__ import annotations

from sqlite3 import Connection as SqliteConnection
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from ...core.errors import ConfigError

LOCK_SECONDS = 5
"""How long a SQLite write waits for another process's before it counts as failed."""
_POSTGRES = {"connect_timeout": 5, "tcp_user_timeout": 20_000, "keepalives_idle": 20}
"""A host that is gone without a word is noticed: seconds, milliseconds, seconds."""


def parse(url: str) -> sa.URL:
    """What a URL says. Errors: ConfigError for one that can hold no store."""
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


def shown(target: sa.URL) -> str:
    """A URL for messages: without its password."""
    return target.render_as_string(hide_password=True)


def engine_of(target: sa.URL, begin: str, lock_seconds: int = LOCK_SECONDS) -> sa.Engine:
    """An engine that never prints parameters: they hold the users' messages. Errors: ConfigError without its driver."""
    postgres = target.get_backend_name() == "postgresql"
    try:
        engine = sa.create_engine(
            target,
            hide_parameters=True,
            pool_pre_ping=postgres,
            connect_args={key: value for key, value in _POSTGRES.items() if postgres and key not in target.query},
            json_serializer=lambda value: msgspec.json.encode(value).decode(),
            json_deserializer=msgspec.json.decode,
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise ConfigError(
            f"the trace store at {shown(target)} needs its driver: pip install flyball[postgres]"
        ) from error
    if not postgres:
        _prepare_sqlite(engine, begin, lock_seconds)
    return engine


def _prepare_sqlite(engine: sa.Engine, begin: str, lock_seconds: int) -> None:
    """WAL, so that reading never stops writing; transactions begun by us, as the driver begins none before DDL."""

    def on_connect(connection: SqliteConnection, _record: Any) -> None:
        connection.isolation_level = None
        pragmas = (f"busy_timeout={lock_seconds * 1000}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()

    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    sa.event.listen(engine, "connect", on_connect)
    sa.event.listen(engine, "begin", on_begin)
