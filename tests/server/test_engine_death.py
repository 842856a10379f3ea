"""An engine that dies: what its requests are told, and that the next one serves again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from flyball.core.engine import Abilities, EngineRequest, Sampling
from flyball.core.errors import EngineError, Unavailable
from flyball.server.engines.scripted import ScriptedEngine
from flyball.server.supervisor import Supervisor

from .scripted_model import ANSWER
from .serving import CHAT, Hold, Served, asking, error_of, serving


class StubbornEngine(ScriptedEngine):
    """Does not start for a number of times; it knows its abilities once it has started."""

    failures = 0
    starts = 0

    def __init__(self) -> None:
        super().__init__(lambda _: [1, 2], eos_ids=[2])
        self.started = False

    async def start(self) -> None:
        type(self).starts += 1
        if type(self).starts <= type(self).failures:
            raise EngineError("no memory is left")
        self.started = True

    @property
    def abilities(self) -> Abilities:
        assert self.started
        return super().abilities


def kill(served: Served) -> None:
    served.call(served.engine.die)


def until_alive(served: Served) -> None:
    served.until(lambda: served.service.engine.alive)


@pytest.mark.parametrize("fields", [{}, {"n": 3}, {"flyball": {"strategy": {"name": "self_consistency", "n": 3}}}])
def test_requests_that_run_when_the_engine_dies_are_a_503_and_later_ones_are_served(
    fields: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    hold = Hold(at=3)
    with ThreadPoolExecutor() as threads, serving(hold=hold) as served:
        running = threads.submit(served.post, CHAT, asking("hello", **fields))
        served.until(lambda: hold.holding == (3 if fields else 1))
        kill(served)
        served.call(hold.open)
        response = running.result(5)
        until_alive(served)
        served.until_idle()
        again = served.chat()
        metrics = served.http.get("/metrics").text
        engines = len(served.engines)

    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert error_of(response)["code"] == "engine_unavailable"
    assert again["choices"][0]["message"]["content"] == ANSWER
    assert engines == 2
    assert "flyball_engine_restarts 1.0" in metrics
    assert 'flyball_requests_total{outcome="error",route="chat"} 1.0' in metrics
    assert "never retrieved" not in caplog.text


def test_a_dead_engine_is_noticed_without_a_request() -> None:
    with serving() as served:
        kill(served)
        health = served.http.get("/health")
        until_alive(served)
        later = served.http.get("/health")

    assert health.status_code == 503
    assert error_of(health)["code"] == "unavailable"
    assert later.status_code == 200


class _Starting:
    """An engine's start that takes until a test says so."""

    def __init__(self) -> None:
        self.may_start = asyncio.Event()
        self.made: list[StubbornEngine] = []

    def make(self) -> StubbornEngine:
        engine = StubbornEngine()
        if self.made:
            waited, started = self.may_start, engine.start

            async def start() -> None:
                await waited.wait()
                await started()

            engine.start = start  # type: ignore[method-assign]  # a start of one's own
        self.made.append(engine)
        return engine


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0)


async def _restarting() -> tuple[Supervisor, asyncio.Event]:
    """A supervisor whose engine has died, and what lets the next one start."""
    starting = _Starting()
    supervisor = Supervisor(starting.make)
    await supervisor.start()
    starting.made[0].die()
    assert not supervisor.alive
    await until(lambda: len(starting.made) == 2)
    return supervisor, starting.may_start


async def test_during_a_restart_calls_are_refused_and_the_abilities_are_known() -> None:
    supervisor, may_start = await _restarting()

    assert supervisor.abilities.context_length == 4096
    with pytest.raises(Unavailable):
        await anext(supervisor.generate(_request()))
    may_start.set()
    await until(lambda: supervisor.alive)

    assert supervisor.restarts == 1
    assert [delta.ids async for delta in supervisor.generate(_request())] == [[1], [2]]
    await supervisor.close()


async def test_a_restart_that_fails_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    class Twice(StubbornEngine):
        failures = 3

    Twice.starts, Twice.failures = 1, 3
    made: list[Twice] = []

    def make() -> Twice:
        made.append(Twice())
        return made[-1]

    supervisor = Supervisor(make, first_wait=0.001)
    made[0].started = True
    made[0].die()
    with caplog.at_level(logging.ERROR):
        assert not supervisor.alive
        await until(lambda: supervisor.alive)

    assert len(made) == 4
    assert supervisor.restarts == 1
    assert caplog.text.count("the engine did not start") == 2
    await supervisor.close()


async def test_closing_ends_a_restart_that_goes_on() -> None:
    supervisor, _ = await _restarting()

    async with asyncio.timeout(5):
        await supervisor.close()


def _request() -> EngineRequest:
    return EngineRequest(request_id="r", ids=[0], sampling=Sampling(max_tokens=5))
