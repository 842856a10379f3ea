"""A tool whose next call goes wrong as a test says."""

import asyncio
import threading
from typing import Any

from flyball.tools.marks import tool

NEXT: list[Any] = []
"""What the next calls do, the first one first; without any they go well."""
BEGUN = threading.Event()
OUT = threading.Event()
"""Lets go what does not heed its cancellation."""


@tool(timeout=0.3)
async def asks(city: str) -> str:
    """Says how the weather is, or what a test wants."""
    if NEXT:
        await NEXT.pop(0)()
    return f"sun in {city}"


@tool(timeout=0.3)
def blocks(city: str) -> str:
    """The same in a thread, which nobody can stop."""
    if NEXT:
        NEXT.pop(0)()
    return f"sun in {city}"


async def raises() -> None:
    """What no tool should raise."""
    raise KeyError("sk-of-the-operator")


async def exits() -> None:
    """As a script would."""
    raise SystemExit(3)


async def hangs() -> None:
    """For ever."""
    await asyncio.Event().wait()


async def is_deaf() -> None:
    """Until it is let out; it swallows every cancellation."""
    while not OUT.is_set():
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            continue


def stands() -> None:
    """Until it is let out; no thread can be stopped."""
    OUT.wait(60)
