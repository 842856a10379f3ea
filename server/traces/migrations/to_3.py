"""Version 3: how an episode's tokens are read, and by which of its controllers it is found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

_PAGE = 500
_episodes = sa.Table(
    "episodes",
    sa.MetaData(),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("request", sa.JSON),
    sa.Column("controllers", sa.String),
)


def upgrade(connection: sa.Connection) -> None:
    """The tokenizer of earlier episodes stays unknown; their controllers are read from their requests."""
    for column in ("tokenizer VARCHAR", "format VARCHAR", "controllers VARCHAR DEFAULT ',' NOT NULL"):
        connection.execute(sa.text(f"ALTER TABLE episodes ADD COLUMN {column}"))
    change = _episodes.update().where(_episodes.c.id == sa.bindparam("row")).values(controllers=sa.bindparam("names"))
    last = ""
    while page := _page(connection, last):
        last = page[-1].id
        named = [{"row": row.id, "names": names} for row in page if (names := _names(row.request)) != ","]
        if named:
            connection.execute(change, named)


def _page(connection: sa.Connection, after: str) -> list[Any]:
    wanted = sa.select(_episodes.c.id, _episodes.c.request).where(_episodes.c.id > after)
    return list(connection.execute(wanted.order_by(_episodes.c.id).limit(_PAGE)))


def _names(request: Mapping[str, Any]) -> str:
    """Example: ",trimr,hint_infer," and, of none, ","."""
    controllers = (request.get("flyball") or {}).get("controllers") or ()
    return "".join(f",{each['name']}" for each in controllers) + ","
