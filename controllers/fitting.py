"""Texts cut so that they fit into the room that a context has left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..tools.cutting import cut_middle

_LEAST = 64
"""A text that would have to be shorter than so many characters is too much."""
_CHARACTERS = 16
"""More characters than so many a token are not even tried, as tokenising them takes long."""


def fitted(
    write: Callable[[Sequence[str]], list[int]], texts: Sequence[str], room: int
) -> tuple[list[str], list[int]] | None:
    """The texts, those that are too long cut in the middle to one length, and the ids that `write` makes of them.

    None when even that is too much. Tokens are counted by `write`, a few times at most however many texts there are.
    """
    limit = _even_limit(map(len, texts), room * _CHARACTERS)
    while True:
        cut = [cut_middle(text, limit) for text in texts]
        ids = write(cut)
        if len(ids) <= room:
            return cut, ids
        if limit <= _LEAST or room <= 0:
            return None
        limit = max(_LEAST, int(limit * min(0.75, max(0.1, room / len(ids)))))


def _even_limit(lengths: Iterable[int], room: int) -> int:
    """The length to which the longest have to be cut so that all fit, and none is cut for the sake of a longer one.

    Example: lengths 10, 80 and 90 in a room of 110 are cut to 50.
    """
    ascending = sorted(lengths)
    for number, length in enumerate(ascending):
        share = room // (len(ascending) - number)
        if length > share:
            return max(_LEAST, share)
        room -= length
    return ascending[-1]
