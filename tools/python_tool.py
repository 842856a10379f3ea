"""Python for models, run in a sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ..core.errors import ToolError
from .result import Image, Result, Usage
from .sandbox.backend import OnOutput
from .sandbox.result import CellResult
from .sandbox.sessions import Sessions
from .sandbox.tiers import NOTES
from .tool import CallContext, Effect, ToolSpec

_GRACE_SECONDS = 5.0  # how long after its interrupt a cell's end may take, when its session has to be killed
_RESTARTED = "[The Python session was started anew: the variables of earlier calls are lost.]"
_LOST = "[The Python session has ended with this call: its variables are lost, the next call starts anew.]"


class PythonTool:
    """Runs code as cells of one session per caller: variables stay from call to call.

    A call stops in time for its result to reach the caller: an interrupt after `seconds`, or shortly before the
    caller's deadline, and the session's end if the code does not heed it.

    Example: after code "x = 6", code "x * 7" gives the text "42".
    """

    def __init__(self, sessions: Sessions, seconds: float = 30.0) -> None:
        self._sessions = sessions
        self._seconds = seconds
        self._begun: set[str] = set()
        self._spec = ToolSpec(
            name="python",
            description=_description(sessions, seconds),
            parameters=_PARAMETERS,
            effect=Effect.SIDE_EFFECTS,  # on the session's variables: an equal call need not give the same
            timeout=seconds + _GRACE_SECONDS,
        )

    @property
    def spec(self) -> ToolSpec:
        """Tells what the sandbox allows."""
        return self._spec

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """Runs `code`. Errors: ToolError when there is none."""
        code = arguments.get("code")
        if not isinstance(code, str):
            raise ToolError("'code' must be a string of Python")
        cell = await self._sessions.run(context.session, code, self._limit(context), _listener(context))
        lost_before = cell.new_session and context.session in self._begun
        self._begun.add(context.session)
        return Result(
            status=cell.status,
            text=_text(cell, lost_before),
            images=tuple(Image("image/png", image) for image in cell.images),
            structured={"stdout": cell.stdout, "stderr": cell.stderr, "value": cell.value, "error": cell.error},
            usage=Usage(seconds=cell.seconds),
            restarted=cell.new_session,
        )

    def memory(self) -> dict[str, int]:
        """Bytes of each caller's session, after its last call."""
        return self._sessions.memory()

    async def end_session(self, session: str) -> None:
        """Ends the caller's Python session."""
        self._begun.discard(session)
        await self._sessions.close(session)

    async def close(self) -> None:
        """Ends every session, and the sandbox."""
        await self._sessions.close_all()
        await self._sessions.backend.close()

    def _limit(self, context: CallContext) -> float:
        left = context.deadline - asyncio.get_running_loop().time()
        return max(0.1, min(self._seconds, left - _GRACE_SECONDS))


_PARAMETERS = {
    "type": "object",
    "properties": {
        "code": {
            "type": "string",
            "description": "Python code. Shown are what it prints and the value of its last line.",
        }
    },
    "required": ["code"],
    "additionalProperties": False,
}


def _description(sessions: Sessions, seconds: float) -> str:
    loaded = ", ".join(sessions.backend.modules)
    parts = [
        "Runs Python code, and shows what it prints and the value of its last line.",
        "Variables, functions and imports stay for the next call.",
        f"Loaded already: {loaded}." if loaded else "",
        NOTES[sessions.backend.tier],
        f"A call is stopped after {seconds:g} s.",
    ]
    return " ".join(filter(None, parts))


def _listener(context: CallContext) -> OnOutput | None:
    listen = context.on_output
    return None if listen is None else lambda stream, text: listen(text)


def _text(cell: CellResult, lost_before: bool) -> str:
    """What the model reads; it begins with what it has to know before it reads on."""
    parts = [
        _RESTARTED if lost_before else "",
        cell.stdout.rstrip("\n"),
        f"[stderr]\n{cell.stderr.rstrip()}" if cell.stderr.strip() else "",
        cell.value or "",
        (cell.error or "").rstrip("\n"),
        f"[{len(cell.images)} image{'s' if len(cell.images) > 1 else ''}]" if cell.images else "",
        _LOST if cell.session_lost else "",
    ]
    return "\n".join(filter(None, parts)) or "[no output]"
