"""Base and adapter calls never share a batch where that gives wrong results."""

import asyncio

import pytest

from flyball.server.engines.adapter_gate import AdapterGate


class Calls:
    """Calls through one gate that say what runs, and end when they are told."""

    def __init__(self) -> None:
        self.gate = AdapterGate()
        self.running: list[str] = []
        self.changed = asyncio.Event()
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, *, adapter: bool) -> None:
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._call(name, adapter))

    async def _call(self, name: str, adapter: bool) -> None:
        async with self.gate.turn(adapter):
            self.running.append(name)
            self.changed.set()
            try:
                await self.ends[name].wait()
            finally:
                self.running.remove(name)
                self.changed.set()

    async def until(self, *names: str) -> None:
        async with asyncio.timeout(5):
            while sorted(self.running) != sorted(names):
                self.changed.clear()
                await self.changed.wait()

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


async def test_calls_of_one_kind_run_together() -> None:
    calls = Calls()
    calls.start("a", adapter=True)
    calls.start("b", adapter=True)
    await calls.until("a", "b")
    for end in calls.ends.values():
        end.set()
    await asyncio.gather(*calls.tasks.values())


async def test_the_other_kind_waits_until_the_last_has_ended() -> None:
    calls = Calls()
    calls.start("base-1", adapter=False)
    calls.start("base-2", adapter=False)
    calls.start("lora", adapter=True)
    await calls.until("base-1", "base-2")
    calls.ends["base-1"].set()
    await calls.until("base-2")
    await calls.settle()
    assert calls.running == ["base-2"]
    calls.ends["base-2"].set()
    await calls.until("lora")
    calls.ends["lora"].set()
    await asyncio.gather(*calls.tasks.values())


async def test_newcomers_queue_behind_a_waiting_call_of_the_other_kind() -> None:
    calls = Calls()
    calls.start("base-1", adapter=False)
    await calls.until("base-1")
    calls.start("lora", adapter=True)
    await calls.settle()
    calls.start("base-2", adapter=False)
    await calls.settle()
    assert calls.running == ["base-1"]
    calls.ends["base-1"].set()
    await calls.until("lora")
    calls.ends["lora"].set()
    await calls.until("base-2")
    calls.ends["base-2"].set()
    await asyncio.gather(*calls.tasks.values())


async def test_a_call_that_is_cancelled_while_it_waits_holds_nobody_up() -> None:
    calls = Calls()
    calls.start("base", adapter=False)
    await calls.until("base")
    calls.start("gone", adapter=True)
    calls.start("lora", adapter=True)
    await calls.settle()
    calls.tasks["gone"].cancel()
    with pytest.raises(asyncio.CancelledError):
        await calls.tasks["gone"]
    calls.ends["base"].set()
    await calls.until("lora")
    calls.ends["lora"].set()
    await calls.tasks["lora"]


async def test_a_call_that_is_cancelled_while_it_is_let_in_leaves_again() -> None:
    calls = Calls()
    calls.start("base", adapter=False)
    await calls.until("base")
    calls.start("gone", adapter=True)
    await calls.settle()
    calls.ends["base"].set()
    await calls.tasks["base"]
    calls.tasks["gone"].cancel()
    await asyncio.gather(calls.tasks["gone"], return_exceptions=True)
    calls.start("next", adapter=False)
    await calls.until("next")
    calls.ends["next"].set()
    await calls.tasks["next"]
