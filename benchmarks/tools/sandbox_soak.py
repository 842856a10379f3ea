"""Sessions opened, used, killed and closed for a long time: `make bench-sandbox-soak`.

Writes sandbox_soak.md: whether memory and descriptors stay flat, and whether a process is left at the end.
"""

import asyncio
import os
import time
from collections import Counter
from pathlib import Path

import click
import psutil
import uvloop

from benchmarks.overhead.machine import machine
from flyball.tools.sandbox import Sandbox, SandboxConfig, Session, Tier, best_tier

from .ours import PRELOAD
from .sandbox_soak_report import Sample, render
from .timing import proportional_mib

HERE = Path(__file__).resolve().parent
_LOOP = "while True: pass"


async def honest(session: Session) -> None:
    """Some cells, whose variables stay."""
    await session.run("import numpy\nx = numpy.ones(100_000)")
    assert (await session.run("int(x.sum())")).value == "100000"


async def late(session: Session) -> None:
    """A cell that is stopped, and one after it."""
    assert (await session.run(_LOOP, 0.1)).status == "timeout"


async def greedy(session: Session) -> None:
    """A cell that takes all memory that it gets."""
    assert (await session.run("kept = []\nwhile True: kept.append(bytearray(1 << 22))")).status == "oom"


async def noisy(session: Session) -> None:
    """A cell that prints more than is kept."""
    assert "cut" in (await session.run("for n in range(20_000): print(n)")).stdout


async def dying(session: Session) -> None:
    """A cell that ends its process."""
    assert (await session.run("import os\nos._exit(3)")).session_lost


async def cancelled(session: Session) -> None:
    """A cell whose caller goes away."""
    cell = asyncio.create_task(session.run(_LOOP, 60))
    await asyncio.sleep(0.02)
    cell.cancel()
    await asyncio.wait([cell])


LIVES = (honest, honest, honest, late, noisy, dying, cancelled, greedy)


async def soak(tier: Tier, seconds: float, at_once: int, every: float) -> tuple[list[Sample], Counter[str], int]:
    """Samples over the time, how many sessions lived each life, and the processes left at the end."""
    lived: Counter[str] = Counter()
    samples: list[Sample] = []
    others = _processes()
    async with Sandbox(tier, SandboxConfig(preload=PRELOAD, max_sessions=at_once)) as sandbox:
        began = time.perf_counter()

        async def work(first: int) -> None:
            turn = first
            while time.perf_counter() - began < seconds:
                life = LIVES[turn % len(LIVES)]
                session = await sandbox.create()
                await life(session)
                await session.close()
                lived[life.__name__] += 1
                turn += 1

        async def watch() -> None:
            while True:
                await asyncio.sleep(every)
                samples.append(_sample(sandbox, time.perf_counter() - began, lived.total()))

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(work(first) for first in range(at_once)))
        watching.cancel()
        samples.append(_sample(sandbox, time.perf_counter() - began, lived.total()))
    return samples, lived, len(_processes() - others)


def _processes() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def _sample(sandbox: Sandbox, seconds: float, sessions: int) -> Sample:
    zygote = sandbox.zygote_pid or 0
    return Sample(
        seconds=seconds,
        sessions=sessions,
        server_mib=proportional_mib(os.getpid()),
        zygote_mib=proportional_mib(zygote),
        server_files=len(os.listdir("/proc/self/fd")),
        zygote_files=len(os.listdir(f"/proc/{zygote}/fd")),
        processes=len(_processes()),
    )


@click.command()
@click.option("--seconds", default=600.0, help="How long.", show_default=True)
@click.option("--at-once", default=8, help="Sessions at once.", show_default=True)
@click.option("--tier", type=click.Choice([*Tier]), help="The wall; else the best that holds.")
@click.option("--out", type=click.Path(path_type=Path), default=HERE.parent / "sandbox_soak.md", help="The report.")
def main(seconds: float, at_once: int, tier: str | None, out: Path) -> None:
    setting = machine()

    async def run() -> tuple[list[Sample], Counter[str], int]:
        return await soak(Tier(tier) if tier else await best_tier(), seconds, at_once, max(1.0, seconds / 20))

    text = render(setting, *uvloop.run(run()))
    click.echo(text)
    out.write_text(text)


if __name__ == "__main__":
    main()
