"""Several retrievers as one: reciprocal rank fusion."""

from __future__ import annotations

from collections.abc import Sequence

from .retriever import Hit, Retriever


class Fused:
    """Ranks by the sum of 1 / (flatness + rank) over the retrievers, whose scores need not be comparable.

    Example: with flatness 10, a tool that is first with one (1/11) and third with another (1/13) beats one that is
    first with one only: 0.168 against 0.091.
    """

    def __init__(self, retrievers: Sequence[Retriever], *, flatness: float = 10.0, depth: int = 100) -> None:
        self._retrievers = tuple(retrievers)
        self._flatness, self._depth = flatness, depth

    def search(self, query: str, k: int) -> list[Hit]:
        """At most `k` tools, the best first; of equals, the one that an earlier retriever found."""
        scores: dict[str, float] = {}
        for retriever in self._retrievers:
            for rank, hit in enumerate(retriever.search(query, max(k, self._depth)), 1):
                scores[hit.name] = scores.get(hit.name, 0.0) + 1 / (self._flatness + rank)
        ranked = sorted(scores.items(), key=lambda item: -item[1])
        return [Hit(name, score) for name, score in ranked[:k]]
