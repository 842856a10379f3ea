"""Who runs, who waits, who is refused, and what happens while the server drains."""

from __future__ import annotations

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from flyball.core.errors import AdmissionError, RequestError, Unavailable
from flyball.server.admission import Admission

from .scripted_model import NUMBERS
from .serving import CHAT, COMPLETIONS, Hold, Served, asking, error_of, folded, parsed, serving


async def started(task: asyncio.Task[None]) -> asyncio.Task[None]:
    """Let a task run until it waits for something."""
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def test_requests_are_admitted_in_the_order_of_their_arrival() -> None:
    admission, order = Admission(2, 10, 2), list[str]()

    async def work(name: str, count: int) -> None:
        async with admission.slots(count):
            order.append(name)
            await asyncio.sleep(0)

    async with admission.slots(1):
        tasks = [asyncio.create_task(work(*item)) for item in (("large", 2), ("small", 1), ("third", 1))]
        await started(tasks[0])
        assert (admission.running, admission.waiting, order) == (1, 3, [])
    await asyncio.gather(*tasks)

    assert order == ["large", "small", "third"]
    assert (admission.running, admission.waiting) == (0, 0)


async def test_a_full_queue_refuses_and_counts_it() -> None:
    admission = Admission(1, 1, 1)

    async def work() -> None:
        async with admission.slots(1):
            pass

    async with admission.slots(1):
        waiting = await started(asyncio.create_task(work()))
        with pytest.raises(AdmissionError) as refusal:
            await work()
    await waiting

    assert refusal.value.retry_after >= 1
    assert admission.refused == 1


async def test_a_place_given_to_a_request_that_is_cancelled_in_the_same_moment_is_given_back() -> None:
    admission = Admission(1, 2, 1)

    async def work() -> None:
        async with admission.slots(1):
            raise AssertionError("it was cancelled")

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(admission.slots(1))
        given = await started(asyncio.create_task(work()))
        left = await started(asyncio.create_task(work()))
        left.cancel()
        await stack.aclose()
        given.cancel()
    await asyncio.gather(given, left, return_exceptions=True)

    assert (admission.running, admission.waiting) == (0, 0)


async def test_more_trajectories_than_ever_run_at_once_are_refused_at_once() -> None:
    for admission in (Admission(4, 1, 8), Admission(8, 1, 4)):
        admission.check(4, "n")
        with pytest.raises(RequestError) as refusal:
            admission.check(5, "n")
        assert refusal.value.param == "n"


async def test_a_draining_server_admits_nobody() -> None:
    admission = Admission(1, 1, 1)
    admission.draining = True

    with pytest.raises(Unavailable):
        async with admission.slots(1):
            pass


# -- over HTTP ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
def test_a_full_server_answers_429_and_says_when_to_come_back(path: str, stream: bool) -> None:
    hold = Hold()
    with (
        ThreadPoolExecutor() as threads,
        serving(hold=hold, server={"max_running": 1, "max_queue": 1}) as served,
    ):
        running = threads.submit(served.chat, "count")
        served.until(lambda: hold.holding == 1)
        waiting = threads.submit(served.chat, "count")
        served.until(lambda: served.service.admission.waiting == 1)
        refused = served.post(path, asking("count", stream=stream, prompt="one"))
        health, metrics = served.http.get("/health").json(), served.http.get("/metrics").text
        served.call(hold.open)
        contents = [future.result(5)["choices"][0]["message"]["content"] for future in (running, waiting)]

    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    error = error_of(refused)
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert (health["running"], health["waiting"], health["engine_running"]) == (1, 1, 1)
    assert "flyball_refused 1.0" in metrics
    assert contents == [NUMBERS, NUMBERS]


@pytest.mark.parametrize("fields", [{"n": 4}, {"flyball": {"strategy": {"name": "self_consistency", "n": 4}}}])
def test_fan_out_is_capped_by_the_configuration(fields: dict[str, Any]) -> None:
    with serving(server={"max_fan_out": 3}) as served:
        error = served.error(**fields)
        assert served.engine.requests == []

    assert error["param"] == ("n" if "n" in fields else "flyball.strategy")
    assert "3" in error["message"]


def drain(served: Served) -> None:
    served.service.admission.draining = True


def test_a_draining_server_refuses_the_new_and_finishes_what_runs() -> None:
    hold = Hold(at=5)
    with ThreadPoolExecutor() as threads, serving(hold=hold, server={"max_running": 1}) as served:
        running = threads.submit(served.stream, "count")
        served.until(lambda: hold.holding == 1)
        waiting = threads.submit(served.chat, "count")
        served.until(lambda: served.service.admission.waiting == 1)
        served.call(lambda: drain(served))
        refused = [served.post(path, asking("hello", prompt="one")) for path in (CHAT, COMPLETIONS)]
        refused.append(served.http.get("/health"))
        served.call(hold.open)
        streamed, plain = running.result(5), waiting.result(5)

    for response in refused:
        assert response.status_code == 503
        assert response.headers["retry-after"]
        assert error_of(response)["code"] == "unavailable"
    assert folded(streamed)[0]["message"]["content"] == NUMBERS
    assert plain["choices"][0]["message"]["content"] == NUMBERS


def test_a_signal_lets_a_running_stream_finish_before_the_server_stops() -> None:
    hold = Hold(at=5)
    with ThreadPoolExecutor() as threads, serving(hold=hold) as served:
        url = served.url + CHAT
        running = threads.submit(httpx.post, url, json=asking("count", stream=True), timeout=5)
        served.until(lambda: hold.holding == 1)
        served.call(lambda: served.server.handle_exit(signal.SIGTERM, None))
        served.call(hold.open)
        *events, done = parsed(running.result(5).text)

    assert folded(events)[0]["message"]["content"] == NUMBERS
    assert done == "[DONE]"


def test_what_does_not_finish_within_the_drain_time_is_cancelled() -> None:
    hold = Hold(at=5)
    with serving(hold=hold, server={"drain_seconds": 0}) as served:
        with served.http.stream("POST", CHAT, json=asking("count", stream=True)) as response:
            served.until(lambda: hold.holding == 1)
            served.call(lambda: served.server.handle_exit(signal.SIGTERM, None))
            with pytest.raises(httpx.TransportError):
                response.read()
        engine = served.engine

    assert asyncio.run(engine.running()) == 0
