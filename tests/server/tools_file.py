"""The tools of the servers in tests."""

import asyncio

from flyball.tools.marks import tool

BEGUN, CANCELLED = asyncio.Event(), asyncio.Event()


@tool(effect="pure")
def sun(city: str) -> str:
    """Says how the weather is."""
    return f"sun in {city}"


@tool(effect="pure")
def python(code: str) -> str:
    """Evaluates 6*7 and nothing else."""
    return str({"6*7": 42}[code])


@tool(effect="read_only", timeout=20)
async def waits(city: str) -> str:
    """Waits for ever, and says when it was cancelled."""
    BEGUN.set()
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        CANCELLED.set()
        raise
    return city


@tool()
def fails(city: str) -> str:
    """Raises what no tool should raise."""
    raise KeyError(city)
