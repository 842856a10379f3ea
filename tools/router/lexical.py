"""Tools by the words they share with a query: BM25."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ..tool import ToolSpec
from .ranking import best
from .retriever import Hit
from .terms import query_terms, tool_terms


class LexicalIndex:
    """Ranks by BM25 over names, descriptions and parameter names; a tool that shares no word is never found.

    Built once: for other tools, build another (ten thousand take about a second).
    """

    def __init__(self, specs: Iterable[ToolSpec]) -> None:
        import bm25s  # here, as it imports scipy and numba where they are

        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG
        specs = list(specs)
        self._names = [spec.name for spec in specs]
        documents = [tool_terms(spec) for spec in specs]
        self._scores: bm25s.BM25 | None = None
        if any(documents):  # bm25s cannot index nothing
            self._scores = bm25s.BM25()
            self._scores.index(documents, create_empty_token=False, show_progress=False)

    def search(self, query: str, k: int) -> list[Hit]:
        """At most `k` tools, the best first."""
        terms = query_terms(query)
        if self._scores is None or not terms:
            return []
        scores = self._scores.get_scores(terms)
        return [Hit(self._names[at], float(scores[at])) for at in best(scores, k) if scores[at] > 0]
