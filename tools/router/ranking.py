"""The best of many scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def best(scores: NDArray[Any], k: int) -> list[int]:
    """Positions of the `k` highest scores, the best first; of equal ones the earlier. Sorts only what may be among them.

    Example: best(np.array([1, 3, 3, 2]), 2) == [1, 2]
    """
    import numpy as np

    if k <= 0 or not scores.size:
        return []
    if k < scores.size:
        threshold = np.partition(scores, scores.size - k)[scores.size - k]
        candidates = np.flatnonzero(scores >= threshold)
    else:
        candidates = np.arange(scores.size)
    order = np.argsort(-scores[candidates], kind="stable")[:k]
    return [int(position) for position in candidates[order]]
