"""Words of tools and of queries, in the form in which they are compared."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from ..tool import ToolSpec

if TYPE_CHECKING:
    from Stemmer import Stemmer

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
"""HTTP, Server, file, 2: names are cut at _ and at capitals, and between letters and digits."""

_IDENTIFIER = re.compile(r"\w+")
_LONGEST = 2000
"""Characters of a query that are looked at."""
_MOST = 64
"""Different words of a query that are looked up: a long question must not hold the server up."""

_local = threading.local()


def tool_terms(spec: ToolSpec) -> list[str]:
    """The words of a tool's name, description and parameter names, stemmed.

    Example: `readFile(path)`, "Reads a file." gives read, file, readfile, path, read, file.
    """
    names = [spec.name, *spec.parameters.get("properties", {})]
    return _stems([*_words(" ".join(names)), *_words(spec.description)])


def query_terms(text: str) -> list[str]:
    """The different words of a query, stemmed, in its order."""
    words = dict.fromkeys(_words(text[-_LONGEST:]))
    return list(dict.fromkeys(_stems(words)))[:_MOST]


def _words(text: str) -> Iterator[str]:
    stop_words = _stop_words()
    for identifier in _IDENTIFIER.findall(text):
        parts = [part.casefold() for part in _PART.findall(identifier)]
        if len(parts) > 1:  # as one word too: a query may say groupby or group_by
            parts.append("".join(parts))
        yield from (part for part in parts if part not in stop_words)


def _stems(words: Iterable[str]) -> list[str]:
    stemmer: Stemmer | None = getattr(_local, "stemmer", None)
    if stemmer is None:
        from Stemmer import Stemmer as English

        stemmer = _local.stemmer = English("english")  # one per thread: threads cannot share one
    stems: list[str] = stemmer.stemWords(list(words))
    return stems


@cache
def _stop_words() -> frozenset[str]:
    from bm25s.stopwords import STOPWORDS_EN

    return frozenset(STOPWORDS_EN)
