"""What a probe for the answer was answered with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import exp

from ...core.chat_format import ChatFormat

_UNCERTAIN = re.compile(r"\b(?:wait|hold|but|okay|no|hmm)\b", re.IGNORECASE)


def boxed_answer(text: str) -> str | None:
    r"""What fills a \boxed{ that the probe has opened: up to the brace that closes it; None when there is none.

    Example: boxed_answer("\frac{1}{2}} is it") == "\frac{1}{2}"
    """
    depth = 1
    for index, char in enumerate(text):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth == 0:
            return text[:index].strip() or None
    return None


def certain(text: str) -> bool:
    """Whether no word of doubt stands in it; whole words, so that "know" and "cannot" are none."""
    return _UNCERTAIN.search(text) is None


def plain_text(text: str, format: ChatFormat) -> bool:
    """Whether the text holds no marker, so that it may be written for the model."""
    return format.encode(text) == format.encode_foreign(text)


def mean_probability(logprobs: Sequence[float], *, geometric: bool) -> float:
    """Of the sampled tokens behind the first; 0 when there are none.

    Example: probabilities 0.2, 0.9 and 0.8 give 0.85, geometrically 0.849.
    """
    behind = logprobs[1:]
    if not behind:
        return 0.0
    return exp(sum(behind) / len(behind)) if geometric else sum(map(exp, behind)) / len(behind)
