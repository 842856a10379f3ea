"""Yes or No, by the first token of a reply: its other tokens are not needed, so the model that is asked only reads."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..core.model import ModelReply

LIKELIEST = 20
"""First tokens to look at; spellings of one word are among them several times."""
_AROUND = " \t\n\"'*_`.,:!▁Ġ"


def yes_probability(reply: ModelReply) -> float | None:
    """P(yes) / (P(yes) + P(no)); None when it is neither. Where no log-probabilities came, the reply's first word decides.

    Spellings are summed: " Yes", "yes" and "YES" all mean yes, and so does a token that only begins the word.

    Example: " Yes" -0.2, "yes" -2.5 and "No" -2.8 give 0.937.
    """
    likeliest = reply.first_token_logprobs or tuple((word, 0.0) for word in reply.text.split()[:1])
    yes, no = _mass(likeliest, "yes"), _mass(likeliest, "no")
    return yes / (yes + no) if yes + no > 0 else None


def _mass(likeliest: Iterable[tuple[str, float]], word: str) -> float:
    """The probability of all tokens that begin the word."""
    return sum(math.exp(min(0.0, logprob)) for token, logprob in likeliest if _begins(token, word))


def _begins(token: str, word: str) -> bool:
    bare = token.strip(_AROUND).lower()
    return bool(bare) and word.startswith(bare)
