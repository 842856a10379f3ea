"""Names that somebody may have meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

_COMPARED = 300
"""Comparing is slow: with ten thousand names it would hold the server up."""


def near_names(name: str, known: Iterable[str], most: int = 5) -> list[str]:
    """Known names like `name`, the nearest first: those that share a part of it, or its beginning.

    Example: near_names("search_file", ["search_files", "plot"]) == ["search_files"]
    """
    wanted = name[:64].lower()
    parts = [part for part in re.split(r"[\W_]+", wanted) if len(part) > 2]

    def shares(other: str) -> bool:
        return other.startswith(wanted[:2]) or any(part in other for part in parts)

    lowered = {other.lower(): other for other in islice((o for o in known if shares(o.lower())), _COMPARED)}
    return [lowered[match] for match in get_close_matches(wanted, lowered, most, 0.5)]
