"""What finds tools for a query."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Hit(NamedTuple):
    """A tool that was found."""

    name: str
    score: float
    """Higher is better; comparable within one answer only."""


class Retriever(Protocol):
    """Finds tools. To add one, add a file here; any number of threads may search at once."""

    def search(self, query: str, k: int) -> list[Hit]:
        """At most `k` tools, the best first; of equally good ones, that which was registered earlier."""
