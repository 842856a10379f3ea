"""Brings a store of an older schema version up to date, in place: one file a step, each a few statements.

A step is written once and never changed: it names tables and columns as they were then, and imports nothing of
`schema`. It leaves what older writers insert possible (new columns have defaults), as they may still run. All steps
share the transaction of their caller, so that one that fails leaves the store as it was: SQLite and PostgreSQL undo
changes of tables, too.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from . import to_2, to_3, to_4

Step = Callable[[sa.Connection], None]

STEPS: tuple[Step, ...] = (to_2.upgrade, to_3.upgrade, to_4.upgrade)
"""In order: the first makes version 2 of version 1."""


def upgrade(connection: sa.Connection, found: int) -> int:
    """Take the steps that a store of version `found` lacks; the version that it then has."""
    for step in STEPS[found - 1 :]:
        step(connection)
    return len(STEPS) + 1
