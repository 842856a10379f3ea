"""Sessions are kept to the memory of all together, and to rest between cells."""

from __future__ import annotations

import asyncio
from pathlib import Path

from flyball.tools.result import Status
from flyball.tools.sandbox import Sandbox, SandboxConfig, Session

from .conftest import TIERS

BUSY_BESIDE = """
import threading
count = 0
def work():
    global count
    while True: count += 1
threading.Thread(target=work, daemon=True).start()
"""


def state(session: Session) -> str:
    return Path(f"/proc/{session.pid}/stat").read_text().rpartition(")")[2].split()[0]


async def test_a_session_that_works_between_cells_is_stopped_until_its_next_cell(sandbox: Sandbox) -> None:
    session, idle = await sandbox.create(), await sandbox.create()
    await session.run(BUSY_BESIDE)
    await idle.run("1")
    async with asyncio.timeout(10):
        while state(session) != "T":
            await asyncio.sleep(0.02)
            sandbox.watch.look()
    before = (await session.run("count")).value
    after = await session.run("import time\ntime.sleep(0.1)\ncount")

    assert state(idle) == "S"
    assert sandbox.watch.stilled > 0
    assert after.status is Status.OK
    assert int(after.value or "") > int(before or "")
    await session.close()
    await idle.close()


async def test_a_stopped_session_can_be_closed(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    await session.run(BUSY_BESIDE)
    async with asyncio.timeout(10):
        while not session.still():
            await asyncio.sleep(0.02)
    await session.close()

    assert not Path(f"/proc/{session.pid}").exists()


async def test_the_largest_session_is_killed_when_all_together_take_too_much() -> None:
    config = SandboxConfig(preload=(), memory_mib=150)
    async with Sandbox(TIERS[0], config) as sandbox:
        small, large = await sandbox.create(), await sandbox.create()
        await small.run("kept = bytearray(50 << 20)")
        result = await asyncio.wait_for(large.run("kept = bytearray(200 << 20)\nwhile True: pass", 60), 10)

        assert (result.status, result.session_lost) == (Status.OOM, True)
        assert sandbox.watch.killed == 1
        assert (await small.run("len(kept)")).value == str(50 << 20)
