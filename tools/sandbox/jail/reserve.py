"""Memory kept back from cells, so that a session whose memory is full can still say so."""

from __future__ import annotations

import resource

from .privileges import RESERVE


class Reserve:
    """Is part of the memory that this process may take, if that is limited."""

    def __init__(self) -> None:
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        self._whole = (hard, hard)
        self._of_cells = self._whole if hard == resource.RLIM_INFINITY else (hard - RESERVE, hard)

    def hold(self) -> None:
        """Keeps it back while a cell runs."""
        resource.setrlimit(resource.RLIMIT_AS, self._of_cells)

    def release(self) -> None:
        """Gives it to what the session itself has to do. Allocates nothing: a cell may have left nothing."""
        resource.setrlimit(resource.RLIMIT_AS, self._whole)
