"""P(yes) against P(no) of an auxiliary model's first token."""

from __future__ import annotations

import math
from collections.abc import Sequence


def yes_probability(first_token_logprobs: Sequence[tuple[str, float]]) -> float | None:
    """P(yes) / (P(yes) + P(no)), spelling variants summed; None when neither is among the likeliest tokens.

    Example: yes_probability([(" Yes", -0.2), ("yes", -2.5), ("No", -2.8)]) is 0.937.
    """
    said = {"yes": 0.0, "no": 0.0}
    for text, logprob in first_token_logprobs:
        word = text.strip(" \n\t*\"'.,:!▁Ġ").lower()
        if word in said:
            said[word] += math.exp(logprob)
    both = said["yes"] + said["no"]
    return said["yes"] / both if both > 0 else None
