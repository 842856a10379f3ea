"""Search over a corpus of passages by BM25."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .passages import Passage

WORD = re.compile(r"\w+(?:'\w+)*")


def _bm25s() -> Any:
    """Imported when it is needed, as it imports scipy and numba where they are: other commands need not wait for them."""
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG
    return bm25s


class CorpusIndex:
    """Finds the passages that share the rarest words with a query.

    A word counts twice, as its stem and as it stands: "lighthouses" finds "lighthouse", and yet "Hart" ranks above
    "Harting", which has the same stem. Titles count like text; English stop words do not count. The index is read only:
    any number of threads may search it.

    Example: of "Mira Tarn was born in Ostrel." and "Ostrel lies by the sea." the query "Where was Mira Tarn born?" gives
    the first passage only, as the second shares no word with it.
    """

    _scores: Any

    def __init__(self, passages: Iterable[Passage]) -> None:
        self._begin(passages)
        documents = [self._terms(f"{passage.title} {passage.text}") for passage in self._passages]
        if any(documents):  # bm25s cannot index nothing
            self._scores = _bm25s().BM25()
            self._scores.index(documents, create_empty_token=False, show_progress=False)

    def _begin(self, passages: Iterable[Passage]) -> None:
        _bm25s()
        from bm25s.stopwords import STOPWORDS_EN

        self._passages = tuple(passages)
        self._stop_words = frozenset(STOPWORDS_EN)
        self._scores = None

    def save(self, folder: Path) -> None:
        """Keeps what was counted, without the passages, in a folder that it makes. Errors: OSError."""
        folder.mkdir()
        if self._scores is not None:
            self._scores.save(folder, show_progress=False)

    @classmethod
    def load(cls, folder: Path, passages: Iterable[Passage]) -> CorpusIndex:
        """The index that was saved there, of the same passages. Errors: OSError, ValueError, KeyError."""
        index = cls.__new__(cls)
        index._begin(passages)
        if any(folder.iterdir()):
            index._scores = _bm25s().BM25.load(folder, show_progress=False)
        return index

    def search(self, query: str, k: int = 3) -> list[Passage]:
        """At most `k` passages, the best first; of equally good ones, that which stands earlier in the corpus.

        A passage that shares no word with the query is never among them. Errors: ValueError for a `k` below 1.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        terms = self._terms(query)
        if self._scores is None or not terms:
            return []
        scores = self._scores.get_scores(terms)
        best = (-scores).argsort(kind="stable")[:k]
        return [self._passages[position] for position in best if scores[position] > 0]

    def _terms(self, text: str) -> list[str]:
        import Stemmer

        plain = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
        found = (word.removesuffix("'s") for word in WORD.findall(plain))
        words = [word for word in found if word not in self._stop_words]
        stems = Stemmer.Stemmer("english").stemWords(words)  # a new one each time: threads cannot share one
        return [*stems, *(f"={word}" for word in words)]
