"""Figures of Jupyter kernels as JSON: `python jupyter_kernel.py KERNELS`, in an environment that has ipykernel."""

import asyncio
import json
import statistics
import sys
import time

from jupyter_client.manager import AsyncKernelManager


async def start():
    manager = AsyncKernelManager()
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    await client.wait_for_ready(timeout=60)
    return manager, client


async def stop(manager, client):
    client.stop_channels()
    await manager.shutdown_kernel(now=True)


async def cell(client):
    """Until the reply and the value are there."""
    number = client.execute("1 + 1")
    while (await client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != number:
        pass
    while True:
        message = await client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") == number and message["content"].get("execution_state") == "idle":
            return


async def timed(awaitable):
    began = time.perf_counter()
    result = await awaitable
    return time.perf_counter() - began, result


def proportional_mib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


async def main(kernels):
    births = []
    began = time.perf_counter()
    for _ in range(kernels):
        seconds, (manager, client) = await timed(start())
        births.append(seconds)
        await cell(client)
        await stop(manager, client)
    per_minute = kernels / (time.perf_counter() - began) * 60
    manager, client = await start()
    cells = sorted([(await timed(cell(client)))[0] for _ in range(500)])
    memory = proportional_mib(manager.provisioner.pid)
    await stop(manager, client)
    print(
        json.dumps(
            {
                "create_p50_ms": statistics.median(births) * 1e3,
                "create_p99_ms": max(births) * 1e3,
                "warm_cell_p50_ms": statistics.median(cells) * 1e3,
                "warm_cell_p99_ms": cells[495] * 1e3,
                "fresh_per_minute_1_at_once": per_minute,
                "idle_mib": memory,
            }
        )
    )


asyncio.run(main(int(sys.argv[1])))
