"""Conversations with Python on real vLLM for a long time: `make bench-soak`.

Writes soak.md: failures, whether memory stays flat, what is left afterwards. Exits with 1 where something is not as it has
to be.
"""

import asyncio
import os
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import click
import psutil
import uvloop

from benchmarks.overhead.arms import ServerSpec
from benchmarks.overhead.machine import machine
from benchmarks.overhead.servers import Running, running

from .soak_look import Look, Tree, entries
from .soak_report import Left, Soak, render, verdicts
from .soak_talk import PRESETS, Talker

HERE = Path(__file__).resolve().parent
_SHARED = Path("/dev/shm")
_QUIET_SECONDS = 60.0
_PATIENCE = aiohttp.ClientTimeout(total=120)


def server_spec(folder: Path) -> ServerSpec:
    """`flyball serve` as it is, with its temporary files in a folder of its own."""
    config, temporary = folder / "flyball.toml", folder / "tmp"
    config.write_text(PRESETS)
    temporary.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "flyball.cli.main", "serve", "--config", str(config), "--port", str(port)]
    return ServerSpec("flyball", command, port, env={"TMPDIR": str(temporary), "PYTHONPATH": str(HERE.parents[1])})


async def converse(
    url: str, server: psutil.Process, warm_up: float, seconds: float, at_once: int
) -> tuple[Talker, list[Look], Left]:
    """Talk until the time is over, then wait until nothing runs any more. Looks are of the time behind the warm-up."""
    looks: list[Look] = []
    tree = Tree(server)
    async with aiohttp.ClientSession(url, timeout=_PATIENCE, connector=aiohttp.TCPConnector(limit=0)) as http:
        talker = Talker(http)
        await talker.talk()  # what is opened once is open
        before = server.num_fds()
        begin = time.perf_counter() + warm_up

        async def client() -> None:
            while time.perf_counter() < begin + seconds:
                await talker.talk()

        async def watch() -> None:
            await asyncio.sleep(warm_up)
            while (at := time.perf_counter() - begin) < seconds:
                looks.append(tree.look(at, talker.ended.total()))
                await asyncio.sleep(max(0.5, seconds / 100))

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(client() for _ in range(at_once)))
        watching.cancel()
    async with aiohttp.ClientSession(url, timeout=_PATIENCE) as http:
        sessions, engine_calls = await _quiet(http, tree)
    grown = server.num_fds() - before
    return talker, looks, Left(sessions, engine_calls, grown_files=grown)


async def _quiet(http: aiohttp.ClientSession, tree: Tree) -> tuple[int, int]:
    """Sessions and calls of the engine that are left, once there are none or the patience ends."""
    until = time.perf_counter() + _QUIET_SECONDS
    while True:
        async with http.get("/health") as response:
            health = await response.json()
        sessions = max(health["tools"]["python"]["sessions"], tree.look().sessions)
        calls = int(health["engine_running"])
        if not sessions + calls or time.perf_counter() > until:
            return sessions, calls
        await asyncio.sleep(0.2)


def stopped(server: Running) -> list[str]:
    """Ends the server as an operator does; the commands of what outlives it."""
    process = psutil.Process(server.pid)
    tree = [process, *process.children(recursive=True)]
    commands = {each.pid: " ".join(each.cmdline())[:200] for each in tree if each.is_running()}
    os.kill(server.pid, signal.SIGTERM)
    _, alive = psutil.wait_procs(tree, timeout=_QUIET_SECONDS)
    return [commands.get(each.pid, str(each.pid)) for each in alive if each.is_running() and not _dead(each)]


def _dead(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)  # whoever started it has not looked yet
    except psutil.NoSuchProcess:
        return True


def soak(warm_up: float, seconds: float, at_once: int) -> Soak:
    """The whole run."""
    setting = machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = server_spec(folder)
        places = (folder / "tmp", _SHARED)
        with running({spec.name: spec}, folder) as servers:
            server = servers[spec.name]
            before = entries(places)
            talk = converse(f"http://127.0.0.1:{spec.port}", psutil.Process(server.pid), warm_up, seconds, at_once)
            talker, looks, left = uvloop.run(talk)
            processes = stopped(server)
            files = sorted(map(str, entries(places) - before))
    left = Left(left.sessions, left.engine_calls, processes, files, left.grown_files)
    return Soak(
        at_once, warm_up, seconds, looks, talker.ended, talker.results, talker.answers, talker.failures, left, setting
    )


@click.command()
@click.option("--warm-up", default=120.0, help="Seconds before anything is looked at.", show_default=True)
@click.option("--seconds", default=300.0, help="How long then.", show_default=True, type=click.FloatRange(5))
@click.option("--at-once", default=64, help="Conversations at once.", show_default=True, type=click.IntRange(1))
@click.option("--out", type=click.Path(path_type=Path), default=HERE.parent / "soak.md", help="The report.")
def main(warm_up: float, seconds: float, at_once: int, out: Path) -> None:
    found = soak(warm_up, seconds, at_once)
    text = render(found)
    click.echo(text)
    out.write_text(text)
    sys.exit(not all(verdicts(found).values()))


if __name__ == "__main__":
    main()
