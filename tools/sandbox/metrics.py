"""What sandboxes have done so far, as plain numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..result import Status


@dataclass
class Metrics:
    """Counts since the start; only `cells_running` goes down again."""

    sessions_started: int = 0
    sessions_refused: int = 0
    """Sessions that could not be started, or for which there was no room."""
    sessions_lost: int = 0
    """Sessions that ended with a cell: killed for being late, by a limit, by their own doing."""
    sessions_evicted: int = 0
    """Sessions that were ended for others, for their memory, or for being idle."""
    cells: Counter[Status] = field(default_factory=Counter)
    """Cells that have ended, by how: timeouts and lack of memory are among them."""
    cell_seconds: float = 0.0
    cells_running: int = 0
