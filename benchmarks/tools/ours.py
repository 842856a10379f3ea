"""Our sandbox: sessions from a zygote."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from flyball.tools.sandbox import Sandbox, SandboxConfig, Tier

from .timing import p50_ms, p99_ms, proportional_mib, timed

PRELOAD = ("numpy", "sympy")
_TICKS = os.sysconf("SC_CLK_TCK")

_HOST = """
import asyncio, sys
from flyball.tools.sandbox import Sandbox, SandboxConfig, Tier

async def main():
    sandbox = Sandbox(Tier(sys.argv[1]), SandboxConfig(preload=()))
    await sandbox.start()
    sessions = [await sandbox.create() for _ in range(20)]
    print(sandbox.zygote_pid, *(session.pid for session in sessions), flush=True)
    await asyncio.gather(*(session.run("while True: pass", 600) for session in sessions[:5]))

asyncio.run(main())
"""


async def measure(tier: Tier, fresh: int, live: int) -> dict[str, float]:
    """All figures of one tier: `fresh` sessions for each rate, `live` at once for the memory."""
    config = SandboxConfig(preload=PRELOAD, max_sessions=max(live, 64), memory_mib=1 << 20)
    async with Sandbox(tier, config) as sandbox:
        figures = await _latencies(sandbox, fresh)
        for at_once in (1, 4, 8):
            figures |= await _rate(sandbox, fresh, at_once)
        figures |= await _memory(sandbox, live)
    return figures | await _left_after_sigkill(tier)


async def _latencies(sandbox: Sandbox, fresh: int) -> dict[str, float]:
    births, ends = [], []
    for _ in range(fresh):
        began = time.perf_counter()
        session = await sandbox.create()
        births.append(time.perf_counter() - began)
        ends.append(await timed(session.close))
    session = await sandbox.create()
    cells = [await timed(lambda: session.run("1 + 1")) for _ in range(3000)]
    await session.close()
    return {
        "create_p50_ms": p50_ms(births),
        "create_p99_ms": p99_ms(births),
        "end_p50_ms": p50_ms(ends),
        "warm_cell_p50_ms": p50_ms(cells),
        "warm_cell_p99_ms": p99_ms(cells),
    }


async def _rate(sandbox: Sandbox, fresh: int, at_once: int) -> dict[str, float]:
    """Fresh sessions a minute, each with one cell, and the processor time of each in all processes together."""

    async def one_after_the_other() -> None:
        for _ in range(fresh // at_once):
            session = await sandbox.create()
            assert (await session.run("1 + 1")).value == "2"
            await session.close()

    before = _cpu_seconds(sandbox)
    seconds = await timed(lambda: asyncio.gather(*(one_after_the_other() for _ in range(at_once))))
    done = fresh // at_once * at_once
    return {
        f"fresh_per_minute_{at_once}_at_once": done / seconds * 60,
        f"fresh_cpu_ms_{at_once}_at_once": (_cpu_seconds(sandbox) - before) / done * 1e3,
    }


def _cpu_seconds(sandbox: Sandbox) -> float:
    """Of this process, of the zygote, and of the sessions that have ended."""
    words = Path(f"/proc/{sandbox.zygote_pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return time.process_time() + sum(map(int, words[11:15])) / _TICKS


async def _memory(sandbox: Sandbox, live: int) -> dict[str, float]:
    before = proportional_mib(sandbox.zygote_pid or 0)
    sessions = [await sandbox.create() for _ in range(live)]
    for session in sessions:
        await session.run("x = 1")
    after = proportional_mib(sandbox.zygote_pid or 0) + sum(proportional_mib(session.pid) for session in sessions)
    cells = [await timed(lambda: sessions[0].run("1 + 1")) for _ in range(1000)]
    await asyncio.gather(*(session.close() for session in sessions))
    return {
        f"idle_mib_at_{live}_live": (after - before) / live,
        f"warm_cell_p50_ms_at_{live}_live": p50_ms(cells),
    }


async def _left_after_sigkill(tier: Tier) -> dict[str, float]:
    """Processes that are there 1 s after their server was killed."""
    host = await asyncio.create_subprocess_exec(sys.executable, "-c", _HOST, tier, stdout=subprocess.PIPE)
    assert host.stdout is not None
    pids = (await host.stdout.readline()).split()
    host.kill()
    await host.wait()
    await asyncio.sleep(1)
    return {"left_after_sigkill": float(sum(_lives(int(pid)) for pid in pids))}


def _lives(pid: int) -> bool:
    """Whether it runs; one that has ended may still be listed, until the system's first process has taken note."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
