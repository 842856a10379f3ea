"""Starts a process as an engine does, says its number, and goes on until it is killed: `python -m … METHOD BEHAVIOUR`."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import sys
import time

from flyball.server.engines.offspring import Offspring

METHOD, BEHAVIOUR = sys.argv[1:]


def child(behaviour: str) -> None:
    """A process that does not notice that its parent is gone."""
    if behaviour == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


async def main() -> None:
    """`loading`: the process that started it is killed before the start has ended."""
    multiprocessing.set_start_method(METHOD)
    started = asyncio.Event()
    offspring = Offspring()

    async def start() -> None:
        process = multiprocessing.Process(target=child, args=(BEHAVIOUR,))
        process.start()
        print(process.pid, flush=True)
        if BEHAVIOUR == "loading":
            await asyncio.sleep(0.5)  # until the reaper has been told
            started.set()
            await asyncio.Event().wait()

    work = asyncio.create_task(offspring.during(start()))
    if BEHAVIOUR == "loading":
        await started.wait()
    else:
        await work
    if BEHAVIOUR == "closed":
        offspring.close()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
