"""Sessions and the zygote begin and end as they should, and nothing is left of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from flyball.core.errors import SandboxError
from flyball.tools.sandbox import Limits, Sandbox, SandboxConfig, Session, Status, Tier

from .conftest import TIERS
from .endless import endless_cell

SMALL = SandboxConfig(preload=(), max_sessions=2, limits=Limits(memory_mib=128))


async def ended(pid: int) -> None:
    """Waits until a process is gone, for at most 5 seconds."""
    async with asyncio.timeout(5):
        while Path(f"/proc/{pid}").exists() and "State:\tZ" not in Path(f"/proc/{pid}/status").read_text():
            await asyncio.sleep(0.01)


def test_a_sandbox_works_on_the_loop_that_servers_use() -> None:
    """uvicorn takes uvloop where it is installed."""

    async def one_cell() -> str | None:
        async with Sandbox(TIERS[0], SMALL) as sandbox:
            return (await (await sandbox.create()).run("6 * 7")).value

    assert uvloop.run(one_cell()) == "42"


async def test_closing_a_session_ends_its_process(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    await session.close()
    await session.close()

    assert not session.alive
    assert not Path(f"/proc/{session.pid}").exists()
    with pytest.raises(SandboxError, match="ended"):
        await session.run("1")


async def test_a_closed_session_makes_room(sandbox: Sandbox) -> None:
    before = sandbox.live_sessions
    session = await sandbox.create()
    assert sandbox.live_sessions == before + 1
    await session.close()
    assert sandbox.live_sessions == before


async def test_cancelling_a_cell_ends_its_session(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    cell = await endless_cell(session)
    cell.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cell

    assert not session.alive
    assert not Path(f"/proc/{session.pid}").exists()


async def test_closing_a_session_in_the_middle_of_a_cell_is_no_fault_of_the_cell(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    cell = await endless_cell(session)
    await session.close()

    result = await asyncio.wait_for(cell, 5)
    assert result.status is Status.INFRA
    assert result.session_lost


@pytest.mark.parametrize("tier", TIERS)
class TestOneZygote:
    async def test_more_sessions_than_allowed_are_refused(self, tier: Tier) -> None:
        async with Sandbox(tier, SMALL) as sandbox:
            first = await sandbox.create()
            await sandbox.create()
            with pytest.raises(SandboxError, match="2 sessions"):
                await sandbox.create()
            await first.close()
            assert (await (await sandbox.create()).run("1 + 1")).value == "2"

    async def test_closing_the_sandbox_ends_everything(self, tier: Tier) -> None:
        sandbox = Sandbox(tier, SMALL)
        await sandbox.start()
        zygote = sandbox.zygote_pid
        session = await sandbox.create()
        await sandbox.close()

        assert zygote is not None
        assert not Path(f"/proc/{zygote}").exists()
        assert not Path(f"/proc/{session.pid}").exists()
        with pytest.raises(SandboxError, match="closed"):
            await sandbox.create()

    async def test_a_killed_zygote_is_no_fault_of_a_cell_and_the_next_session_works(self, tier: Tier) -> None:
        async with Sandbox(tier, SMALL) as sandbox:
            session = await sandbox.create()
            cell = await endless_cell(session)
            assert sandbox.zygote_pid is not None
            os.kill(sandbox.zygote_pid, signal.SIGKILL)

            result = await asyncio.wait_for(cell, 10)
            assert result.status is Status.INFRA
            assert result.session_lost
            assert sandbox.zygote_pid is None
            await ended(session.pid)
            assert (await (await sandbox.create()).run("1 + 1")).value == "2"

    async def test_nothing_is_left_when_the_host_is_killed(self, tier: Tier) -> None:
        """Two sessions are idle, one is in a loop that swallows everything."""
        host = await asyncio.create_subprocess_exec(sys.executable, "-c", HOST, tier, stdout=subprocess.PIPE)
        assert host.stdout is not None
        pids = [int(word) for word in (await asyncio.wait_for(host.stdout.readline(), 20)).split()]
        host.kill()
        await host.wait()

        assert len(pids) == 4
        for pid in pids:
            await ended(pid)


HOST = """
import asyncio, sys
from flyball.tools.sandbox import Sandbox, SandboxConfig, Tier

async def main():
    sandbox = Sandbox(Tier(sys.argv[1]), SandboxConfig(preload=()))
    await sandbox.start()
    sessions = [await sandbox.create() for _ in range(3)]
    began = asyncio.Event()
    loop = "while True:\\n    try:\\n        print(1)\\n        while True: pass\\n    except BaseException: pass"
    cell = asyncio.create_task(sessions[1].run(loop, 60, lambda *_: began.set()))
    await began.wait()
    print(sandbox.zygote_pid, *(session.pid for session in sessions), flush=True)
    await cell

asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_a_session_that_would_stay_root_does_not_start() -> None:
    sandbox = Sandbox(TIERS[0], replace(SMALL, max_sessions=1))
    sandbox._spec = replace(sandbox._spec, first_uid=2**32 - 1)  # as no configuration can have it
    with pytest.raises(SandboxError, match="not made this process that of user 4294967295"):
        await sandbox.create()
    await sandbox.close()


async def test_a_zygote_that_cannot_start_says_why() -> None:
    with pytest.raises(SandboxError, match=r"not ready after 0\.001 s"):
        await Sandbox(TIERS[0], SandboxConfig(preload=(), start_seconds=0.001)).start()


@pytest.mark.parametrize(
    "settings",
    [
        {"max_sessions": 0},
        {"max_sessions": 5001},
        {"grace_seconds": 0},
        {"start_seconds": -1},
        {"first_uid": 0},
        {"first_uid": 2**32 - 1},
        {"memory_mib": 0},
    ],
)
def test_a_wrong_setting_is_a_mistake(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        SandboxConfig(**settings)  # type: ignore[arg-type]


def test_a_limit_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="threads must be at least 1"):
        Limits(threads=0)


async def test_memory_of_a_session_is_what_it_took_itself(session: Session) -> None:
    idle = session.memory_bytes()
    await session.run("import numpy\nkept = numpy.ones(5_000_000)")

    assert idle < 16 << 20
    assert 38 << 20 < session.memory_bytes() - idle < 60 << 20


@contextlib.contextmanager
def room_for(descriptors: int) -> Iterator[None]:
    """This process can open that many files and no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    kept = [os.open(os.devnull, os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (kept[0] + 50, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                kept.append(os.dup(kept[0]))
        for _ in range(descriptors):
            os.close(kept.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in kept:
            os.close(descriptor)


@pytest.mark.parametrize("descriptors", [0, 2], ids=["for no connection", "for no process"])
async def test_a_host_with_too_many_open_files_is_told_so_and_recovers(sandbox: Sandbox, descriptors: int) -> None:
    with room_for(descriptors), pytest.raises(SandboxError, match=r"open files"):
        await sandbox.create()

    session = await sandbox.create()
    assert (await session.run("1 + 1")).value == "2"
    await session.close()
