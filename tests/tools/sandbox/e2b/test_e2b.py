"""Tier e2b: the real client against a server that speaks its protocol; once, where there is a key, against e2b itself."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
import uvicorn

from flyball.core.errors import SandboxError
from flyball.tools.result import Status
from flyball.tools.sandbox import CellResult, Limits, Sandbox, SandboxConfig, Sessions, Tier, best_tier
from flyball.tools.sandbox.e2b.backend import E2bBackend, reap
from flyball.tools.sandbox.e2b.config import E2bConfig
from flyball.tools.sandbox.e2b.machine import Machine

from ..conftest import TIERS
from .service import KEY, RentedMachine, Service

CONFIG = SandboxConfig(
    limits=Limits(output_chars=2000, value_chars=1000, images=3),
    e2b=E2bConfig(api_key=KEY, machines=2, sessions_per_machine=2, request_seconds=5),
)
LOOP = "print(1, flush=True)\nwhile True: pass"


@pytest_asyncio.fixture(scope="module")
async def running() -> AsyncIterator[Service]:
    async with Sandbox(TIERS[0], SandboxConfig(preload=("numpy", "matplotlib.pyplot"))) as sandbox:
        service = Service(sandbox)
        server = uvicorn.Server(uvicorn.Config(service.app(), log_level="error", lifespan="off"))
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            serving = asyncio.create_task(server.serve([listening]))
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("E2B_API_URL", address)
                patch.setenv("E2B_SANDBOX_URL", address)
                yield service
            server.should_exit = True
            await serving


@pytest_asyncio.fixture
async def service(running: Service) -> AsyncIterator[Service]:
    yield running
    running.failures.clear()
    running.unreachable, running.answer = False, None
    running.began.clear()
    assert running.machines == {}, "machines were left"


@pytest_asyncio.fixture
async def backend(service: Service) -> AsyncIterator[E2bBackend]:
    started = await E2bBackend.start(CONFIG)
    yield started
    await started.close()


async def test_the_tier_holds_where_a_service_answers(service: Service) -> None:
    assert await best_tier(replace(CONFIG, tier=Tier.E2B)) is Tier.E2B


async def test_variables_output_errors_and_images_come_through(backend: E2bBackend) -> None:
    session = await backend.create("t")
    heard: list[tuple[str, str]] = []
    first = await session.run("x = 6\nprint('out')", 10, lambda *piece: heard.append(piece))
    second = await session.run("x * 7")
    third = await session.run("1 / 0")
    fourth = await session.run("import matplotlib.pyplot as p\np.plot([1])\nNone", 30)

    assert (first.status, first.stdout, first.value, heard) == (Status.OK, "out\n", None, [("stdout", "out\n")])
    assert (second.status, second.value) == (Status.OK, "42")
    assert third.status is Status.USER_ERROR
    assert (third.error or "").splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert [image[:4] for image in fourth.images] == [b"\x89PNG"]


async def test_sessions_of_a_tenant_share_machines_and_tenants_do_not(service: Service, backend: E2bBackend) -> None:
    before = service.rented
    first, second = await asyncio.gather(backend.create("a"), backend.create("a"))
    other = await backend.create("b")

    assert service.rented - before == 2
    assert sorted(len(machine.contexts) for machine in service.machines.values()) == [1, 2]
    assert (await first.run("x = 1\nx")).value == "1"
    assert (await second.run("x")).status is Status.USER_ERROR
    assert (await other.run("x")).status is Status.USER_ERROR


async def test_there_are_no_more_machines_than_allowed_and_idle_ones_make_room(
    service: Service, backend: E2bBackend
) -> None:
    first = await backend.create("a")
    await backend.create("b")
    with pytest.raises(SandboxError, match="all 2 machines are in use"):
        await backend.create("c")
    await first.close()
    await backend.create("c")

    assert len(service.machines) == 2


async def test_a_machine_is_used_again_and_one_whose_time_ran_out_is_replaced(
    service: Service, backend: E2bBackend
) -> None:
    await (await backend.create("a")).close()
    await (await backend.create("a")).close()
    [machine] = service.machines
    service.machines.clear()
    session = await backend.create("a")

    assert machine not in service.machines
    assert (await session.run("1 + 1")).value == "2"


async def test_slow_code_is_no_dead_machine_and_its_variables_stay(backend: E2bBackend) -> None:
    session = await backend.create("a")
    await session.run("x = 5")
    late = await session.run(LOOP, 0.5)
    after = await session.run("x")

    assert (late.status, late.error, late.session_lost) == (Status.TIMEOUT, "stopped after 0.5 s", False)
    assert late.stdout == "1\n"
    assert after.value == "5"


async def test_a_machine_is_given_up_after_two_late_cells_in_a_row(service: Service, backend: E2bBackend) -> None:
    session = await backend.create("a")
    first = await session.run(LOOP, 0.3)
    await session.run("1")
    second = await session.run(LOOP, 0.3)
    third = await session.run(LOOP, 0.3)

    assert [result.session_lost for result in (first, second, third)] == [False, False, True]
    assert service.machines == {}


async def cell_while(service: Service, backend: E2bBackend, timeout: float) -> CellResult:
    """What comes of a cell whose machine goes away while it runs."""
    session = await backend.create("a")
    cell = asyncio.create_task(session.run(LOOP, timeout))
    await asyncio.wait_for(service.began.wait(), 10)
    sessions = [s for machine in service.machines.values() for s in machine.contexts.values()]
    service.machines.clear()
    result = await asyncio.wait_for(cell, 10)
    await asyncio.gather(*(s.close() for s in sessions))
    return result


async def test_a_dead_machine_is_no_fault_of_the_cell(service: Service, backend: E2bBackend) -> None:
    result = await cell_while(service, backend, 1)

    assert (result.status, result.error, result.session_lost) == (Status.INFRA, "the machine is gone", True)


async def test_a_machine_that_cannot_be_reached_is_given_up(service: Service, backend: E2bBackend) -> None:
    session = await backend.create("a")
    service.unreachable = True
    result = await session.run(LOOP, 0.3)

    assert (result.status, result.session_lost) == (Status.INFRA, True)
    assert service.machines == {}


async def test_a_machine_that_was_gone_before_the_cell_is_none_of_its_faults(
    service: Service, backend: E2bBackend
) -> None:
    sessions = Sessions(backend)
    await sessions.run("a", "x = 1")
    service.machines.clear()
    gone = await sessions.run("a", "x")
    anew = await sessions.run("a", "1 + 1")
    await sessions.close_all()

    assert (gone.status, gone.session_lost) == (Status.INFRA, True)
    assert (anew.status, anew.value, anew.new_session) == (Status.OK, "2", True)


async def test_a_session_that_the_service_lost_is_told_so(service: Service, backend: E2bBackend) -> None:
    session = await backend.create("a")
    for machine in service.machines.values():
        for context in machine.contexts.values():
            await context.close()
        machine.contexts.clear()
    result = await session.run("1")

    assert (result.status, result.session_lost) == (Status.INFRA, True)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_service_that_is_busy_for_a_moment_is_asked_again(
    service: Service, backend: E2bBackend, status: int
) -> None:
    service.failures = [status]

    assert (await (await backend.create("a")).run("1 + 1")).value == "2"


@pytest.mark.parametrize("status", [429, 503, 500])
async def test_a_service_that_stays_busy_fails_the_call_and_the_next_one_works(
    service: Service, backend: E2bBackend, status: int
) -> None:
    service.failures = [status] * 4
    sessions = Sessions(backend)
    refused = await sessions.run("a", "1")
    service.failures.clear()
    works = await sessions.run("a", "1 + 1")
    await sessions.close_all()

    assert refused.status is Status.INFRA
    assert "renting a machine failed" in (refused.error or "")
    assert works.value == "2"


async def test_a_wrong_key_is_told(service: Service) -> None:
    wrong = await E2bBackend.start(replace(CONFIG, e2b=replace(CONFIG.e2b, api_key="wrong")))
    with pytest.raises(SandboxError, match=r"renting a machine failed: .*wrong key"):
        await wrong.create()


@pytest.mark.parametrize(
    "answer",
    [
        b"no json\n",
        b'{"type": "stdout", "text": 3, "timestamp": 1}\n',
        b'{"text": 1}\n',
        b'{"type": "stdout"}\n',
        b"[]\n",
    ],
)
async def test_an_answer_that_cannot_be_read_ends_the_session(
    service: Service, backend: E2bBackend, answer: bytes
) -> None:
    session = await backend.create("a")
    service.answer = answer
    result = await session.run("1")
    service.answer = None

    assert result.status is Status.USER_ERROR
    assert result.session_lost


async def test_pictures_that_are_none_are_left_out(service: Service, backend: E2bBackend) -> None:
    session = await backend.create("a")
    service.answer = (
        b'{"type": "result", "png": "AAAA"}\n{"type": "result", "png": "!"}\n{"type": "result", "png": 3}\n'
    )

    assert (await session.run("1")).images == ()


async def test_endless_output_is_stopped(backend: E2bBackend) -> None:
    session = await backend.create("a")
    result = await session.run("while True: print('x' * 500)", 30)

    assert result.status is Status.USER_ERROR
    assert result.error == "stopped: it printed too much"
    assert len(result.stdout) < 2100


async def test_cancelling_a_cell_ends_its_session_on_the_machine(service: Service, backend: E2bBackend) -> None:
    session = await backend.create("a")
    cell = asyncio.create_task(session.run(LOOP, 60))
    await asyncio.wait_for(service.began.wait(), 10)
    cell.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cell

    assert not session.alive
    assert [len(machine.contexts) for machine in service.machines.values()] == [0]


async def test_machines_with_sessions_are_kept_alive(service: Service) -> None:
    config = replace(CONFIG.e2b, machine_seconds=1)
    machine = await Machine.rent("a", {}, config)
    machine.sessions = 1
    async with asyncio.timeout(10):
        while service.machines[machine.sandbox.sandbox_id].beats < 2:
            await asyncio.sleep(0.02)
    await machine.kill()


async def test_machines_that_a_dead_server_left_are_given_back(service: Service, backend: E2bBackend) -> None:
    own = await backend.create("a")
    [mine] = service.machines
    left = RentedMachine("left", {"flyball_host": socket.gethostname(), "flyball_process": "4194305"}, 60, False)
    elsewhere = RentedMachine("elsewhere", {"flyball_host": "another", "flyball_process": "1"}, 60, False)
    service.machines |= {"left": left, "elsewhere": elsewhere}

    assert await reap(CONFIG.e2b) == 1
    assert set(service.machines) == {mine, "elsewhere"}
    assert (await own.run("1 + 1")).value == "2"
    del service.machines["elsewhere"]


async def test_code_does_not_reach_the_internet_unless_told(service: Service, backend: E2bBackend) -> None:
    await backend.create("a")

    assert [machine.internet for machine in service.machines.values()] == [False]


def test_the_key_is_not_shown() -> None:
    assert KEY not in repr(CONFIG)


@pytest.mark.parametrize("name", ["machines", "sessions_per_machine", "machine_seconds", "request_seconds"])
def test_a_setting_of_nothing_is_a_mistake(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        E2bConfig(**{name: 0})  # type: ignore[arg-type]


@pytest.mark.skipif("E2B_API_KEY" not in os.environ, reason="needs a key for e2b.dev")
async def test_the_real_service_runs_a_cell() -> None:
    backend = await E2bBackend.start(SandboxConfig())
    try:
        session = await backend.create("test")
        assert (await session.run("6 * 7")).value == "42"
        assert (await session.run("while True: pass", 2)).status is Status.TIMEOUT
        assert (await session.run("1 + 1")).value == "2"
    finally:
        await backend.close()
