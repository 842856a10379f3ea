"""DeepConf's measures of a whole trace, from the log-probabilities of the likeliest tokens at every place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Literal

from ...core.engine import TokenLogprob

Measure = Literal["lowest", "mean", "tail", "bottom"]
"""The least window, all tokens, the last window's tokens, the least tenth of the windows."""

_LEAST = -100.0
"""An engine may say minus infinity of a token that cannot be sampled; no mean would come of it."""


def token_confidence(place: TokenLogprob) -> float:
    """Minus the mean log-probability of the likeliest tokens: the higher, the more peaked.

    Example: log-probabilities -0.1, -3.0 and -5.0 give 2.7.
    """
    return -sum(max(_LEAST, logprob) for _, logprob in place.top) / len(place.top) if place.top else 0.0


def confidences(logprobs: Mapping[int, TokenLogprob]) -> list[float]:
    """Of a trace's tokens, in their order."""
    return [token_confidence(logprobs[position]) for position in sorted(logprobs)]


def window_means(values: Sequence[float], size: int) -> list[float]:
    """The mean of every window of `size`; of all values where there are fewer.

    Example: window_means([1, 2, 3, 6], 2) == [1.5, 2.5, 4.5]
    """
    if not values:
        return []
    size = min(size, len(values))
    sums = [0.0, *accumulate(values)]
    return [(end - begin) / size for begin, end in zip(sums, sums[size:], strict=False)]


def measured(logprobs: Mapping[int, TokenLogprob], measure: Measure, size: int) -> float:
    """The confidence of a whole trace; 0 when no log-probabilities are known."""
    values = confidences(logprobs)
    return _MEASURES[measure](values, size) if values else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _bottom(values: Sequence[float], size: int) -> float:
    means = sorted(window_means(values, size))
    return _mean(means[: max(1, len(means) // 10)])


_MEASURES: Mapping[Measure, Callable[[Sequence[float], int], float]] = {
    "lowest": lambda values, size: min(window_means(values, size)),
    "mean": lambda values, size: _mean(values),
    "tail": lambda values, size: _mean(values[-size:]),
    "bottom": _bottom,
}
