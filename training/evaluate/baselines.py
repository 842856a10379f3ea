"""Iso-token baselines: what plain sampling makes of the tokens that an arm uses. Made of the arm's own rows.

| kind | asks |
|---|---|
| `capped` | plain, with a thinking_budget of the arm's mean thinking tokens |
| `no_thinking` | plain, without thinking |
| `vote` | plain, as many samples of a question as fit the arm's mean tokens for one; the majority's answer |

Plain is the arm without its controllers and strategy, but for those that it keeps (`Arm.keeps`); tools and budgets stay,
unless they are all that the arm has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, Literal

import msgspec

from .arms import Arm
from .rows import Row
from .settings import Settings

Kind = Literal["capped", "no_thinking", "vote"]
VOTE_TEMPERATURE = 0.7
"""Of samples that vote, where the arm decodes greedily: greedy samples are all the same."""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """One baseline of one arm."""

    name: str
    """As an arm of the report."""
    kind: Kind
    parent: str
    tokens: int | None = None
    """The cap on thinking, or the tokens that the samples of a question may take together."""
    arm: Arm
    """What is asked; of a vote, that of its samples, which votes of several arms may share."""


def governed(settings: Settings) -> list[Arm]:
    """The arms that get baselines: those that use Flyball, by a block or by a preset's name."""
    return [arm for arm in settings.arms if arm.flyball or "model" in arm.sampling]


def plan_baselines(settings: Settings, rows: Iterable[Row]) -> list[Baseline]:
    """The baselines of every governed arm, in the arms' order; without the figures that a server does not tell.

    Example: an arm "trimr" whose requests thought for 90 and 110 tokens, and sampled 120 and 140, gets "trimr · capped"
    at 100, "trimr · no thinking", and "trimr · vote" with 130 tokens for the samples of a question.
    """
    by_arm: dict[str, list[Row]] = {}
    for row in rows:
        by_arm.setdefault(row.arm, []).append(row)
    found: list[Baseline] = []
    pools: list[Arm] = []
    for arm in governed(settings):
        own = [row for row in by_arm.get(arm.name, ()) if row.error is None]
        thinking = [row.tokens.thinking for row in own if row.tokens is not None]
        if thinking:
            found.append(_capped(arm, round(fmean(thinking))))
        found.append(_no_thinking(arm))
        sampled = [row.sampled for row in own if row.sampled is not None]
        if sampled:
            found.append(_vote(arm, round(fmean(sampled)), _pool(settings, arm, pools)))
    return found


def _capped(arm: Arm, tokens: int) -> Baseline:
    asked = _plain(arm, f"{arm.name} · capped", {"name": "thinking_budget", "tokens": tokens})
    return Baseline(name=asked.name, kind="capped", parent=arm.name, tokens=tokens, arm=asked)


def _no_thinking(arm: Arm) -> Baseline:
    asked = _plain(arm, f"{arm.name} · no thinking", {"name": "adaptive_think", "mode": "no_think"})
    return Baseline(name=asked.name, kind="no_thinking", parent=arm.name, arm=asked)


def _vote(arm: Arm, tokens: int, pool: Arm) -> Baseline:
    return Baseline(name=f"{arm.name} · vote", kind="vote", parent=arm.name, tokens=tokens, arm=pool)


def _pool(settings: Settings, arm: Arm, pools: list[Arm]) -> Arm:
    """The arm whose samples vote: one for all arms that are the same without their controllers."""
    asked = _plain(arm, "")
    if not (settings.sampling | asked.sampling).get("temperature", 1.0):
        asked = msgspec.structs.replace(asked, sampling=asked.sampling | {"temperature": VOTE_TEMPERATURE})
    for pool in pools:
        if pool.same_request(asked):
            return pool
    pools.append(msgspec.structs.replace(asked, name=f"samples {len(pools) + 1}"))
    return pools[-1]


def _plain(arm: Arm, name: str, *controllers: Mapping[str, Any]) -> Arm:
    block = arm.flyball or {}
    rest = {field: value for field, value in block.items() if field not in ("controllers", "strategy")}
    if rest == block:
        rest = {}
    given = [*_kept(arm), *map(dict, controllers)]
    if given:
        rest["controllers"] = given
    sampling = {field: value for field, value in arm.sampling.items() if field != "model"}
    return Arm(name, rest or None, sampling)


def _kept(arm: Arm) -> list[dict[str, Any]]:
    return [dict(each) for each in (arm.flyball or {}).get("controllers", ()) if each.get("name") in arm.keeps]


def twin(arm: Arm, others: Sequence[Arm]) -> Arm | None:
    """Another arm that asks the same, so that its rows can serve for both."""
    return next((other for other in others if other.name != arm.name and other.same_request(arm)), None)
