"""Cells that do not end by themselves."""

from __future__ import annotations

import asyncio

from flyball.tools.sandbox import CellResult, CellSession


async def endless_cell(session: CellSession) -> asyncio.Task[CellResult]:
    """A cell that loops for ever and has begun to."""
    began = asyncio.Event()
    cell = asyncio.create_task(session.run("print(1)\nwhile True: pass", 60, lambda *_: began.set()))
    await asyncio.wait_for(began.wait(), 5)
    return cell
