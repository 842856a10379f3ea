"""Has a page read by a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress

from ...core.errors import ToolError
from .config import FetchConfig
from .download import Page


async def read_page(page: Page, config: FetchConfig) -> str:
    """The page's readable text. Errors: ToolError for a page that cannot be read within the limits.

    The process gets no environment, and is gone when this returns or is cancelled.
    """
    limits = (str(config.parse_cpu_s), str(config.parse_memory_mib))
    command = ("-m", f"{__package__}.extract", page.media_type, page.encoding or "", *limits)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        close_fds=True,
    )
    try:
        output, _ = await process.communicate(page.body)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    text = output.decode(errors="replace")
    if process.returncode == 1 and text:
        raise ToolError(text)
    if process.returncode != 0:
        raise ToolError("The page is too intricate to be read.")
    return text
