"""How the soak of conversations judges, and that its clients see what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import psutil
import pytest

from benchmarks.tools.soak import converse
from benchmarks.tools.soak_look import Look
from benchmarks.tools.soak_report import Left, Soak, render, verdicts
from benchmarks.tools.soak_talk import TURNS, Talker
from benchmarks.tools.trend import trend
from tests.server.serving import Served, serving

MINUTE = 60.0


def looks(growth: float = 0.0) -> list[Look]:
    """Five minutes of one sample every three seconds; the server grows by so many MiB a minute, and is noisy."""
    wobble = [0.3, -0.2, 0.1, -0.4, 0.2, 0.0, -0.1]
    return [Look(3.0 * n, n, 500 + growth * n / 20 + wobble[n % 7], 900, 100, n % 64, 4, 40) for n in range(100)]


def seen(**changes: Any) -> Soak:
    good = Soak(
        64,
        120,
        300,
        looks(),
        {"with a session": 100},
        {"ok": 200},
        {"right": 90, "wrong": 10},
        [],
        Left(0, 0),
        {"cores": "2"},
    )
    return replace(good, **changes)


def refused(soak: Soak) -> list[str]:
    return [claim for claim, holds in verdicts(soak).items() if not holds]


def test_a_line_has_its_slope_and_no_margin() -> None:
    found = trend([MINUTE * n for n in range(20)], [10.0 + n for n in range(20)])

    assert found.per_minute == pytest.approx(1)
    assert found.margin == pytest.approx(0, abs=1e-6)
    assert not found.flat()


def test_noise_has_no_slope_that_one_could_be_sure_of() -> None:
    found = trend([3.0 * n for n in range(100)], [each.server for each in looks()])

    assert found.low < 0 < found.high
    assert found.flat()


def test_values_that_follow_each_other_make_less_sure_than_as_many_independent_ones() -> None:
    """A slow wave looks like a slope: its neighbours are alike, and the interval is wide."""
    seconds = [float(n) for n in range(100)]
    slow = trend(seconds, [float(n // 10 % 2) for n in range(100)])
    fast = trend(seconds, [float(n % 2) for n in range(100)])

    assert slow.margin > 2 * fast.margin


def test_what_happens_before_the_caches_are_full_does_not_count() -> None:
    found = trend([float(n) for n in range(100)], [float(min(n, 20)) for n in range(100)])

    assert found.per_minute == pytest.approx(0)


def test_too_few_values_tell_nothing() -> None:
    with pytest.raises(ValueError, match="tell no trend"):
        trend([0.0, 1.0, 2.0, 3.0], [1.0] * 4)


def test_a_run_in_which_all_is_well_proves_everything() -> None:
    assert refused(seen()) == []
    assert "NO" not in render(seen())


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"failures": ["conversation 3: status 500"]}, "no failure in 100 conversations"),
        ({"results": {"ok": 20}}, "Python was called (20 times), in every conversation at least once on average"),
        ({"looks": looks(growth=5)}, "memory of the server is flat"),
        ({"left": Left(1, 0)}, "no session and no call of the engine is left after the last conversation"),
        ({"left": Left(0, 1)}, "no session and no call of the engine is left after the last conversation"),
        ({"left": Left(0, 0, ["python zygote"])}, "no process is left after the server"),
        ({"left": Left(0, 0, [], ["/tmp/x"])}, "no temporary file is left"),
        ({"left": Left(0, 0, [], [], 64)}, "no descriptor is left open"),
    ],
)
def test_whatever_is_not_as_it_has_to_be_is_said(changes: dict[str, Any], claim: str) -> None:
    soak = seen(**changes)

    assert refused(soak) == [claim]
    assert f"**NO**: {claim}" in render(soak)


# -- the clients, on a server with the scripted model ------------------------------------------------------------------

OPENED: dict[str, Any] = {"opened": {}}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(tools={"python": {"preload": []}}, presets=OPENED) as served:
        yield served


async def test_every_kind_of_conversation_is_had_and_leaves_nothing(served: Served) -> None:
    talker, samples, left = await converse(served.url, psutil.Process(), 0.3, 1.0, 4)

    assert talker.failures == []
    assert set(talker.ended) >= {"with a session", "without a session"}
    assert talker.results["ok"] > 0
    assert samples[-1].server > 0
    assert (left.sessions, left.engine_calls) == (0, 0)


async def test_a_server_that_refuses_is_a_failure_each_time() -> None:
    with serving(tools={"search": {"enabled": False}}, presets=OPENED) as bare:
        async with aiohttp.ClientSession(bare.url) as http:
            talker = Talker(http)
            for _ in range(8):
                await talker.talk()

    assert len(talker.failures) == 8
    assert TURNS > 0
