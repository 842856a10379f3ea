"""How many tokens the next engine call may sample, and which limit that is."""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from ..core.ledger import TOKENS, USD, Ledger
from ..core.model import Price
from ..core.trajectory import Trajectory


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds one trajectory besides its ledger; in tokens."""

    max_tokens: int
    """Sampled kept tokens."""
    min_tokens: int = 0
    context_length: int
    answer_room: int
    """Kept free for the answer while the model thinks."""
    close_tokens: int
    """What closing the thinking takes."""
    price: Price = Price()


class Allowance(NamedTuple):
    """Tokens that the next call may sample, and the name of the limit that says so."""

    tokens: int
    by: str


def allowance(trajectory: Trajectory, limits: Limits, ledger: Ledger, may_think: bool) -> Allowance:
    """The tightest of the limits.

    Example: 30 tokens left of max_tokens, 1000 left in the context of which 200 are kept for the answer, while the model
    thinks: Allowance(30, "max_tokens").
    """
    room = limits.context_length - trajectory.context_tokens()
    candidates = [
        Allowance(limits.max_tokens - trajectory.sampled, "max_tokens"),
        Allowance(room, "context"),
        Allowance(_whole(ledger.remaining(TOKENS)), "budget.tokens"),
        Allowance(_affordable(trajectory, limits.price, ledger), "budget.usd"),
    ]
    if may_think:
        candidates.append(Allowance(room - limits.answer_room - limits.close_tokens, "answer_room"))
    return min(candidates)


_MANY = 1 << 40


def _whole(amount: float) -> int:
    return _MANY if amount == math.inf else int(amount)


def _affordable(trajectory: Trajectory, price: Price, ledger: Ledger) -> int:
    """Output tokens that the remaining dollars buy, the prompt of the call paid first."""
    dollars = ledger.remaining(USD)
    if dollars == math.inf:
        return _MANY
    left = dollars * 1e6 - trajectory.context_tokens() * price.input
    if price.output <= 0:
        return _MANY if left >= 0 else 0
    return math.floor(left / price.output + 1e-9)
