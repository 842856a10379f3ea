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
    text for the model, the traceback in the log. Cancelling goes through.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        result = await call
    except ToolError as error:
        result = Result(Status.USER_ERROR, str(error))
    except (Exception, SystemExit):  # the boundary to code of others, which may do anything
        logger.exception("tool %s failed", name)
        result = failed(name)
    if result.usage.seconds:
        return result
    return replace(result, usage=replace(result.usage, seconds=clock() - began))


def failed(name: str) -> Result:
    """What the model is told of a fault that is not its own."""
    return Result(Status.INFRA, f"The tool {name!r} failed. This was not caused by your call.")
