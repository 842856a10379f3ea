"""Where a tool's own code ends: whatever comes out of it becomes a Result."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import replace

from ..core.errors import ToolError
from .result import Result, Status

logger = logging.getLogger(__name__)


async def settled(name: str, call: Awaitable[Result]) -> Result:
    """The result of a call, also of one that raises; with its wall time, where the tool does not give one.

    A ToolError's text goes to the model as `user_error`. Any other exception is the tool's fault: `infra`, a neutral
    text for the model, the traceback in the log. Cancelling goes through; a cancellation that nobody asked for, which
    some libraries raise when their connection dies, is a fault like any other.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        result = await call
    except ToolError as error:
        result = Result(Status.USER_ERROR, str(error))
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) is None or task.cancelling():
            raise
        logger.exception("tool %s was cancelled by nobody", name)
        result = _failed(name)
    except (Exception, SystemExit):  # the boundary to code of others, which may do anything
        logger.exception("tool %s failed", name)
        result = _failed(name)
    if result.usage.seconds:
        return result
    return replace(result, usage=replace(result.usage, seconds=clock() - began))


def _failed(name: str) -> Result:
    return Result(Status.INFRA, f"The tool {name!r} failed. This was not caused by your call.")
