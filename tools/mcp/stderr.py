"""What a server writes to its standard error goes to the log, not to the terminal."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TextIO

LONGEST_LINE = 2000


@asynccontextmanager
async def logged(logger: logging.Logger) -> AsyncIterator[TextIO]:
    """A file to give to a process; its lines are logged with level INFO until the context is left."""
    read_end, write_end = os.pipe()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: _Lines(logger), os.fdopen(read_end, "rb", buffering=0)
    )
    try:
        with os.fdopen(write_end, "w") as file:
            yield file
    finally:
        transport.close()


class _Lines(asyncio.Protocol):
    """Logs whole lines, and what is longer than a line may be as it comes."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._logger.info("%s", line[:LONGEST_LINE].decode(errors="replace").rstrip())
