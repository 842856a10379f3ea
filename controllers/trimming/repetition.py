"""Whether tokens go round in circles.

Legend: ids are token ids.
"""

from __future__ import annotations

from collections.abc import Sequence


def repeats(ids: Sequence[int], times: int, least: int) -> bool:
    """Whether the ids end in a block that stands there `times` times, one after another, over `least` ids or more.

    Linear in the ids (Knuth-Morris-Pratt, read backwards: the shortest period of every suffix), and exact, where a rolling
    hash may collide.

    Example: repeats([9, 1, 2, 1, 2, 1, 2], times=3, least=6) holds by the block 1, 2.
    """
    backwards = ids[::-1]
    border = [0] * len(backwards)
    size = 0
    for index in range(1, len(backwards)):
        while size and backwards[index] != backwards[size]:
            size = border[size - 1]
        if backwards[index] == backwards[size]:
            size += 1
        border[index] = size
        length = index + 1
        if length >= least and length >= times * (length - size):
            return True
    return False
