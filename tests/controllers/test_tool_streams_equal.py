"""With tools of the server, too, a streamed body equals the plain one, however tokens and verdicts arrive."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from flyball.core.events import ToolAnswered, ToolCalled
from flyball.core.trajectory import replay

from .auxiliaries import Auxiliary
from .test_streams_equal import EVERY, OURS, different, label, replies
from .toolbox import add, offered, python
from .worlds import DELTAS, Dice, Run, Shown, ids, plain, run

pytestmark = pytest.mark.no_cover
"""Thousands of episodes: being traced would double their time, and other tests cover the same lines."""

FENCE = ids(" code:\n```python\nprint(6*7)\n```\n")
WAYS: list[dict[str, Any]] = [
    {"fenced": True},
    {"fenced": True, "rounds": 1},
    {"client": True, "max_calls": 1},
]


class Coder(Dice):
    """A model that throws dice, and now and then writes code in its thinking."""

    def _next(self, context: Sequence[int]) -> int:
        begun = next((size for size in range(len(FENCE) - 1, 0, -1) if list(context[-size:]) == FENCE[:size]), 0)
        if begun:
            return FENCE[begun]
        token, faces = super()._next(context), self._faces
        marker = next((token for token in reversed(context) if token in (faces.open, faces.close)), None)
        return FENCE[0] if marker == faces.open and token == faces.think[0] else token


async def decoded(seed: int, controllers: list[Any], way: dict[str, Any], **options: Any) -> Run:
    """An episode whose body, events and log tell the same."""
    result = await run(
        Coder(seed),
        controllers=controllers,
        max_tokens=90,
        late_tokens=2,
        events=True,
        models={"self": Auxiliary(replies), "aux": Auxiliary(str)},
        budget={"tool_calls.python": 3.0, "tool_calls.add": 3.0},
        **offered(add, python, **way),
        **options,
    )
    for streamed, body in zip(result.choices, plain(result.episode), strict=True):
        assert _told(streamed) == _told(body)
    for trial in result.episode.trials:
        called, answered = (
            _ids_of(trial.trajectory.tool_events, ToolCalled),
            _ids_of(trial.trajectory.tool_events, ToolAnswered),
        )
        assert called == answered
        again = replay(trial.trajectory.log)
        assert (again.ids, again.runs) == (trial.trajectory.ids, trial.trajectory.runs)
        assert again.tool_events == trial.trajectory.tool_events
    return result


def _told(shown: Shown) -> tuple[Any, ...]:
    events = [{key: value for key, value in event.items() if key != "seconds"} for event in shown.events]
    return shown.reasoning, shown.content, shown.calls, events


def _ids_of(events: Sequence[Any], kind: type[Any]) -> list[str]:
    return [event.id for event in events if isinstance(event, kind)]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(way))
@pytest.mark.parametrize("controllers", EVERY, ids=label)
async def test_one_controller_beside_tools(controllers: list[Any], way: dict[str, Any]) -> None:
    for seed in range(2):
        expected = await decoded(seed, controllers, way, streamed=False)
        for deltas in DELTAS:
            streamed = await decoded(seed, controllers, way, deltas=deltas)
            assert list(map(_told, streamed.choices)) == list(map(_told, expected.choices))


REPAIRING = ("budget_tracker", "deepagent", "thor", "tool_star")
PAIRS = [list(pair) for pair in permutations(OURS, 2) if different(pair) and pair[0]["name"] in REPAIRING]


@pytest.mark.parametrize("controllers", PAIRS, ids=label)
async def test_pairs_with_those_that_look_at_results(controllers: list[Any]) -> None:
    for pair in (controllers, controllers[::-1]):
        expected = await decoded(3, pair, WAYS[0], streamed=False)
        for deltas in DELTAS[2:4]:
            streamed = await decoded(3, pair, WAYS[0], deltas=deltas)
            assert list(map(_told, streamed.choices)) == list(map(_told, expected.choices))


async def test_dice_call_tools_and_write_code() -> None:
    seen = [await decoded(seed, [], way, n=2) for seed in range(8) for way in WAYS]

    events = [event for result in seen for event in result.episode.trials[0].trajectory.tool_events]
    assert {event.fenced for event in events if isinstance(event, ToolCalled)} == {True, False}
    assert {event.status for event in events if isinstance(event, ToolAnswered)} == {"ok", "user_error"}
    assert any(len(result.trajectory.results()) > 1 for result in seen)
