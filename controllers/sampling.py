"""The sampling parameters of one engine call: rule 7 of the decode loop, over resumptions.

docs/parameters.md has the whole table. What is emulated (stop strings) or refused (presence and frequency penalties beside
controllers) never gets here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..core.engine import Sampling
from ..core.trajectory import Trajectory
from .answer_phase import AnswerPhase
from .scanner import Counter, Scanner
from .setup import Setup

_MANY = 1 << 40


def call_sampling(
    setup: Setup,
    trajectory: Trajectory,
    scanner: Scanner,
    answer: AnswerPhase,
    allowed: int,
    seed: int | None,
    forbidden: int | None,
) -> Sampling:
    """What the next call samples with: what is left of the request's limits, and what the answer's phase asks for.

    `allowed` tokens at most; `forbidden` is a token that must not come again.
    """
    base, format = setup.sampling, setup.format
    max_tokens = min(allowed, _certain_end(scanner))
    changes: dict[str, Any] = {
        "max_tokens": max_tokens,
        "min_tokens": max(0, min(max_tokens, setup.limits.min_tokens - trajectory.sampled)),
        "seed": seed,
    }
    if wanted := _wanted_logprobs(scanner):  # an engine reports these or the likeliest, not both
        changes |= {"logprob_ids": wanted, "logprobs": None}
    elif base.logprobs is None and scanner.wants_logprobs:
        changes["logprobs"] = 0  # of what is sampled, and of no others
    if forbidden is not None:
        changes["logit_bias"] = {**(base.logit_bias or {}), forbidden: -100.0}
    if answer.waits and format.think_end_id is not None:  # engines keep stop ids back for min_tokens
        changes |= {"stop_ids": (*base.stop_ids, format.think_end_id), "min_tokens": 0}
    if answer.fixed:
        changes["grammar"] = answer.grammar
    return msgspec.structs.replace(base, **changes)


def _certain_end(scanner: Scanner) -> int:
    """Tokens until a controller wants the engine to stop by itself, whatever it samples until then."""
    lefts = [
        int(counter.left())
        for counter in scanner.counters
        if counter.watch.certain and counter.watch.channel is None and counter.left() != float("inf")
    ]
    return min(lefts, default=_MANY)


def _wanted_logprobs(scanner: Scanner) -> tuple[int, ...]:
    """Ids whose log-probabilities somebody watches for in the tokens that come next."""
    wanted = [counter.watch.logprob_ids for counter in scanner.counters if _counts_next(counter, scanner)]
    return tuple(dict.fromkeys(token for ids in wanted for token in ids))


def _counts_next(counter: Counter, scanner: Scanner) -> bool:
    watch = counter.watch
    return counter.count < watch.n and (watch.channel is None or watch.channel is scanner.channel)
