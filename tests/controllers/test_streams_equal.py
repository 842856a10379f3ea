"""A streamed body equals the plain one, for every controller and pair, however tokens and verdicts arrive."""

from collections.abc import Iterable, Mapping
from itertools import permutations
from typing import Any

import pytest

from flyball.controllers.boundary import Boundary, TokenWatch
from flyball.controllers.controller import Pending, Reach, Ruling, View
from flyball.controllers.edits import Inject, Truncate
from flyball.controllers.named import Named
from flyball.controllers.registry import CONTROLLERS, names
from flyball.core.events import Channel

from .auxiliaries import Auxiliary
from .worlds import DELTAS, PATIENCE, THINK_END, TOOL, Dice, Shown, plain, run, table, ticks

pytestmark = pytest.mark.no_cover
"""Thousands of episodes: being traced would double their time, and other tests cover the same lines."""

PARAMETERS: Mapping[str, list[dict[str, Any]]] = {
    "deer": [{"threshold": 0.5, "probe_tokens": 4}],
    "dynasor": [{"chunk": 3, "window": 2, "probe_tokens": 3}],
    "budget_tracker": [{"policy": "short", "insist": True, "refusals": 2}],
    "deepagent": [{"fold_at": 60, "folds": 2}],
    "adaptive_think": [
        {"mode": "auto"},
        {"mode": "think"},
        {"mode": "no_think"},
        {"mode": "probe", "explore": 0.3},
        {"mode": "probe", "probe": "answers", "answer_tokens": 9},
        {"mode": "policy", "policy": "uniform"},
        {"mode": "policy", "policy": "principles", "model": "self"},
        {"mode": "instant"},
        {"mode": "modes", "model": "aux", "explore": 0.5},
    ],
    "chain_of_draft": [{}],
    "hint_infer": [
        {"rounds": 2},
        {"hints": ["Wait, END?"]},
        {"after_words": 3, "chance": 0.7, "distance": 2, "prefill": True, "unaided": True},
    ],
    "s1": [{"waits": 2, "text": "Wait"}, {"waits": 1, "max_tokens": 7}],
    "thinking_budget": [{"tokens": 0}, {"tokens": 5}, {"tokens": 9, "closing": "So END."}],
    "trimr": [{"n": 1}, {"n": 9, "budget": 12, "repeats": 2, "repeated_tokens": 4, "every": 3}],
    "metatool": [{"form": "short"}],
    "thor": [{"retries": 2, "backtrack": 3}],
    "tool_star": [{"refine_at": 50, "rollback": 1}],
}
OURS = [{"name": name, **params} for name in sorted(PARAMETERS) for params in PARAMETERS[name]]


def late(name: str, watch: Any, turns: int, *edits: Any) -> Named:
    """A controller whose verdict comes some turns of the event loop later, and edits twice."""

    def at(state: tuple[int, ...], boundary: Boundary, view: View) -> Ruling[Any]:
        return Ruling(state, pending=Pending(lambda: ticks(turns), PATIENCE) if len(state) < 2 else None)

    def verdict(state: tuple[int, ...], boundary: Boundary, result: Any, view: View) -> Ruling[Any]:
        return Ruling((*state, boundary.position), edits if len(state) < 2 else ())

    return table(name, watch, at, verdict, Reach.VERDICTS)


def truncates(state: tuple[int, ...], boundary: Boundary, view: View) -> Ruling[Any]:
    return Ruling((*state, boundary.position), () if state else (Truncate(boundary.position // 2), Inject(" back")))


THEIRS = [
    late("late in thinking", TokenWatch(4, Channel.THINK, repeat=True), 7, Inject(" hm")),
    late("late at its end", THINK_END, 3, Inject(" hm")),
    late("late in the answer", TokenWatch(3, Channel.ANSWER), 12, Inject(" EN")),
    table("truncates", TokenWatch(11), truncates, reach=Reach.TRAJECTORY),
]
EVERY = [[], *([given] for given in [*OURS, *THEIRS])]


def label(controllers: Iterable[Mapping[str, Any] | Named]) -> str:
    return "+".join(
        given.name if isinstance(given, Named) else "-".join(str(value) for value in given.values())
        for given in controllers
    )


def replies(question: str) -> str:
    """An auxiliary model that has something for everybody who asks."""
    if "Reply Yes or No" in question:
        return "No" if len(question) % 2 else "Yes"
    if "Reply yes or no" in question:
        return "yes"
    return "print(6*7)" if "corrected code" in question else '{"current_progress": "half", "tools_used": []}'


def different(pair: tuple[Any, Any]) -> bool:
    """One controller twice makes no sense, and is refused."""
    first, second = (given.name if isinstance(given, Named) else given["name"] for given in pair)
    return bool(first != second)


PAIRS = [list(pair) for pair in permutations([*OURS, *THEIRS], 2) if different(pair)]


def test_every_registered_controller_takes_part() -> None:
    assert set(PARAMETERS) == set(names(CONTROLLERS))


async def bodies(seed: int, controllers: list[Any], **options: Any) -> list[Shown]:
    """What clients read; checked against the plain fold of the same log."""
    models = {"self": Auxiliary(replies), "aux": Auxiliary(str)}
    given = {"controllers": controllers, "tools": (TOOL,), "models": models, "seed": seed, **options}
    result = await run(Dice(seed), max_tokens=45, late_tokens=2, **given)
    for streamed, body in zip(result.choices, plain(result.episode), strict=True):
        assert (streamed.reasoning, streamed.content, streamed.calls) == (body.reasoning, body.content, body.calls)
    return result.choices


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("stops", [(), ("END", "1\n\n", " a b", "é2")], ids=["", "stops"])
@pytest.mark.parametrize("controllers", EVERY, ids=label)
async def test_one_controller(controllers: list[Any], stops: tuple[str, ...], n: int) -> None:
    for seed in range(3):
        expected = await bodies(seed, controllers, stops=stops, n=n, streamed=False)
        for deltas in DELTAS:
            assert await bodies(seed, controllers, stops=stops, n=n, deltas=deltas) == expected


@pytest.mark.parametrize("controllers", PAIRS, ids=label)
async def test_every_pair_in_both_orders(controllers: list[Any]) -> None:
    for seed, stops, n in ((1, (), 1), (2, ("END", "1\n\n", " a b"), 2)):
        expected = await bodies(seed, controllers, stops=stops, n=n)
        for deltas in DELTAS[1:]:
            shown = await bodies(seed, controllers, stops=stops, n=n, deltas=deltas)
            assert races(controllers) or shown == expected


def races(controllers: list[Any]) -> bool:
    """A truncation behind an open verdict voids it: whichever comes first, and tokens against turns, decides."""
    labels = {given.name for given in controllers if isinstance(given, Named)}
    return "truncates" in labels and len(labels) > 1


async def test_dice_write_thinking_answers_calls_and_ends() -> None:
    seen = [(await bodies(seed, []))[0] for seed in range(12)]
    assert any(shown.reasoning for shown in seen)
    assert any(shown.content for shown in seen)
    assert any(shown.calls for shown in seen)
    assert len({shown.finish for shown in seen}) > 1
