"""What came of one cell."""

from __future__ import annotations

from dataclasses import dataclass

from ..result import Status


@dataclass(frozen=True)
class CellResult:
    """What came of one cell: text and pictures from code that nobody vouches for, within the sandbox's limits.

    Code in a session can forge every field but `status` timeout and `infra`, `seconds` and `session_lost`. So a verdict
    about the code is never to be read from here as such: compare outside what it printed.
    """

    status: Status
    stdout: str = ""
    stderr: str = ""
    value: str | None = None
    """The `repr` of the last expression's value, None where there is none."""
    error: str | None = None
    """The traceback, or why the cell came to no end; None for `ok`."""
    images: tuple[bytes, ...] = ()
    """PNG files of the figures drawn."""
    seconds: float = 0.0
    """Wall time from sending the cell to its result."""
    session_lost: bool = False
    """The session has ended with this cell, and its variables with it."""
    new_session: bool = False
    """The cell ran in a session that was started for it: no variables of earlier cells were there."""
