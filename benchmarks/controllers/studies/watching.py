"""What controllers cost that only watch: throughput at 64 requests at once, and how long thinking lies in the server.

The application runs in this process on real vLLM, and is streamed from without a network. Arms take turns in every round.
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import islice
from statistics import median, quantiles
from time import perf_counter
from typing import Any, NamedTuple

from fastapi import FastAPI

from flyball.controllers.formats.registry import load_format
from flyball.data import REASONER
from flyball.server.app import build_app, make_engine
from flyball.server.config import load_config
from flyball.training.evaluate.asking import at_most
from flyball.training.pocket.world.sets import questions

from ..asgi_client import Answered, stream
from ..asking import Workshop
from ..delay import delays
from ..findings import Findings, Goal, Table
from ..plan import HERE
from ..rows import percent
from ..timed_engine import TimedEngine

TITLE = "Controllers that only watch"
MINUTES = 30
AT_ONCE, ROUNDS, A_ROUND = 64, 5, 256
LEAST = 0.95
_NEVER = 1_000_000
_TRIMR = {"name": "trimr", "m": _NEVER, "r": 1, "n": _NEVER, "repeats": _NEVER}
_WATCHING: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "plain": (),
    "thinking_budget": ({"name": "thinking_budget", "tokens": _NEVER},),
    "s1": ({"name": "s1", "waits": 1, "min_tokens": 1},),
    "hint_infer": ({"name": "hint_infer", "rounds": 0, "after_words": 64, "chance": 0, "tedious": 0},),
    "deepagent": ({"name": "deepagent", "tell": False},),
    "trimr, no model": ({**_TRIMR, "verifier": "stated"},),
    "trimr, pocket verifier": ({**_TRIMR, "verifier": "verifier"},),
    "trimr, pocket verifier, late kept": ({**_TRIMR, "verifier": "verifier", "late": "keep"},),
    "dynasor, probes each 64 tokens": ({"name": "dynasor", "window": 32, "chunk": 64},),
}


class Round(NamedTuple):
    """What an arm did in one round."""

    tokens_a_second: float
    delays: list[float]
    """Seconds, of every piece of thinking."""
    edits: int


class Cost(NamedTuple):
    """What an arm costs, over all rounds."""

    throughput: float
    """Of plain's: the median over rounds."""
    worst: float
    best: float
    p50: float
    p95: float
    added_p50: float
    """Seconds above plain's."""
    added_p95: float
    edits: int
    """There must be none."""


def costs(rounds: Sequence[Mapping[str, Round]]) -> dict[str, Cost]:
    """Ratios are paired by round. Example: plain 100 and 200 tokens a second, the arm 95 and 180: 0.925 (0.9 to 0.95)."""
    found = {}
    plain = _quantiles([seconds for each in rounds for seconds in each["plain"].delays])
    for arm in rounds[0]:
        ratios = [each[arm].tokens_a_second / each["plain"].tokens_a_second for each in rounds]
        p50, p95 = _quantiles([seconds for each in rounds for seconds in each[arm].delays])
        edits = sum(each[arm].edits for each in rounds)
        added = (p50 - plain[0], p95 - plain[1])
        found[arm] = Cost(median(ratios), min(ratios), max(ratios), p50, p95, *added, edits)
    return found


def _quantiles(seconds: Sequence[float]) -> tuple[float, float]:
    """The median and the 95th of a hundred."""
    if len(seconds) < 2:
        return 0.0, 0.0
    return median(seconds), quantiles(seconds, n=20)[-1]


def measure(shop: Workshop) -> Findings:
    """Part of a study; a trial of few questions has two rounds."""
    a_round = min(A_ROUND, shop.scale.questions)
    return judged(asyncio.run(_rounds(a_round, ROUNDS if a_round == A_ROUND else 2)), a_round)


async def _rounds(a_round: int, count: int) -> list[dict[str, Round]]:
    format = load_format("pocket", str(REASONER))
    engines: list[TimedEngine] = []

    def timed(config: Any, format: Any) -> TimedEngine:
        engines.append(TimedEngine(make_engine(config, format), format))
        return engines[-1]

    app = build_app(load_config(HERE / "servers" / "verifier.toml"), engine=timed, format=format)
    texts = iter([each.text for each in questions("chain", "test", a_round * (count + 1), 0, tuple(range(3, 13)))])
    async with app.router.lifespan_context(app):
        await _round(
            app, engines[0], "plain", list(islice(texts, a_round))
        )  # what is compiled and cached once is there
        found = []
        for number in range(count):
            asked, arms = list(islice(texts, a_round)), list(_WATCHING)
            shift = number % len(arms)
            order = [*arms[shift:], *arms[:shift]]
            found.append({arm: await _round(app, engines[0], arm, asked) for arm in order})
    return found


async def _round(app: FastAPI, engine: TimedEngine, arm: str, asked: Sequence[str]) -> Round:
    answers: list[Answered] = []

    async def send(text: str) -> None:
        body: dict[str, Any] = {"model": "pocket", "messages": [{"role": "user", "content": text}], "seed": 0}
        controllers = [dict(each) for each in _WATCHING[arm]]
        body |= {"temperature": 0.6, "max_tokens": 700} | (
            {"flyball": {"controllers": controllers}} if controllers else {}
        )
        answers.append(await stream(app, body))

    began = perf_counter()
    await at_most(AT_ONCE, send, asked)
    seconds = perf_counter() - began
    held = [each for answer in answers for each in delays(_emitted(engine, answer.id), answer.thinking)]
    engine.calls.clear()
    return Round(sum(answer.tokens for answer in answers) / seconds, held, sum(answer.edits for answer in answers))


def _emitted(engine: TimedEngine, id: str) -> list[tuple[float, str]]:
    """What the first call of a response gave; probes and questions to verifiers are other calls."""
    return engine.calls.get(f"{id}-0-0", [])


def judged(rounds: Sequence[Mapping[str, Round]], a_round: int) -> Findings:
    """The findings of all rounds."""
    found = costs(rounds)
    watching = {arm: cost for arm, cost in found.items() if arm != "plain"}
    goals = [
        Goal(
            f"throughput at {AT_ONCE} at once, {arm} watching, of plain's",
            f"≥ {percent(LEAST, 0)}",
            percent(cost.throughput),
            cost.throughput >= LEAST,
        )
        for arm, cost in watching.items()
    ]
    lines = [
        [
            "",
            "throughput of plain's",
            "worst to best round",
            "delay p50, ms",
            "p95, ms",
            "added p50, ms",
            "added p95, ms",
            "edits",
        ]
    ]
    for arm, cost in found.items():
        span = f"{percent(cost.worst)} to {percent(cost.best)}"
        times = [f"{1e3 * seconds:.2f}" for seconds in (cost.p50, cost.p95, cost.added_p50, cost.added_p95)]
        lines.append([arm, percent(cost.throughput), span, *times, str(cost.edits)])
    return Findings(
        goals=goals,
        tables=[Table("Beside plain", lines)],
        figures={arm: cost._asdict() for arm, cost in found.items()},
        notes=[
            f"{len(rounds)} rounds of {a_round} chains of 3 to 12 steps an arm, streamed; ratios are paired by round",
            "delay: from when the engine gave the last character of a piece of thinking to when the piece was sent",
            "parameters are such that nothing is ever done; verifiers and probes work all the same, on the same two cores",
        ],
    )
