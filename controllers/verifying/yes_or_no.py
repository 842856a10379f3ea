"""Yes or No, by the first token of a reply: its other tokens are not needed, so a verifier only reads."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ...core.errors import EngineError
from ...core.model import ModelReply

LIKELIEST = 10
"""First tokens to look at; spellings of one word are among them several times."""
_AROUND = " \t\n\"'*_`.▁Ġ"


def says_yes(reply: ModelReply) -> bool:
    """Whether Yes is likelier than No. Where no log-probabilities came, the reply's text decides.

    Spellings are summed: " Yes", "yes" and "YES" all mean yes, and so does a token that only begins the word.
    Example: Yes -1.2, " yes" -1.2, No -0.8: P(yes) is 0.60 and P(no) 0.45, so True.
    Errors: EngineError when it is neither.
    """
    likeliest = reply.first_token_logprobs or tuple((word, 0.0) for word in reply.text.split()[:1])
    yes, no = _mass(likeliest, "yes"), _mass(likeliest, "no")
    if yes == no == 0:
        raise EngineError("the verifier replied neither Yes nor No")
    return yes > no


def _mass(likeliest: Iterable[tuple[str, float]], word: str) -> float:
    """The probability of all tokens that begin the word."""
    return sum(math.exp(min(0.0, logprob)) for token, logprob in likeliest if _begins(token, word))


def _begins(token: str, word: str) -> bool:
    bare = token.strip(_AROUND + ",:!").lower()
    return bool(bare) and word.startswith(bare)
