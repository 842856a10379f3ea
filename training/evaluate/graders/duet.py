"""Two processes of the sandbox that test a function: one runs the model's code, the other the tests.

The tests never meet the code. In their process the function is a stand-in that answers from a table. A call that is not
in the table ends the test; what it was called with is printed behind a nonce; the other process calls the real
function; what that printed is taken as plain data or not at all; and the test begins again with a longer table. So the
code can choose what its function returns, and nothing else: it sees neither the tests nor their verdict.

Example: of `assert add(1, 2) == 3` the code's process sees `add(1, 2)` and prints 4; the tests' process compares.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ....tools.result import Status
from ..questions import Code
from .plain_data import NAMES, is_plain, parsed

if TYPE_CHECKING:
    from ....tools.sandbox import Backend, CellResult
    from ....tools.sandbox.backend import CellSession

MOST_CALLS = 2000
"""Of the function, for one response."""

_CALL = """\
def _flyball_call(mark, act):
    try:
        said = {"value": repr(act())}
    except Exception as error:
        said = {"raised": type(error).__name__}
    import json
    print("\\n" + mark + json.dumps(said), flush=True)
"""
_STAND_IN = """\
class _FlyballNeeds(BaseException):
    pass

def _flyball_test(mark, prelude, names, table, test):
    import builtins, json
    needed = []
    def stand_in(*args, **kwargs):
        key = repr((args, kwargs))
        if key not in table:
            needed.append(key)
            raise _FlyballNeeds
        kind, said = table[key]
        if kind == "value":
            return eval(said, {"inf": float("inf"), "nan": float("nan")})
        error = getattr(builtins, said, RuntimeError)
        raise error(said) if isinstance(error, type) and issubclass(error, Exception) else RuntimeError(said)
    space = {"__name__": "tests"}
    try:
        exec(prelude, space)
        space.update({name: stand_in for name in names})
        exec(test, space)
        said = {"passed": True}
    except BaseException as error:
        said = {"failed": type(error).__name__, "text": str(error)[:200]}
    if needed:
        said = {"needs": needed[0]}
    print("\\n" + mark + json.dumps(said), flush=True)
"""


class Ungradable(Exception):
    """The test cannot be judged, whatever the code is."""


class Duet:
    """One response under test. Made by `over`."""

    def __init__(self, code: CellSession, tests: CellSession, task: Code, seconds: float) -> None:
        self._code, self._tests, self._task, self._seconds = code, tests, task, seconds
        self._table: dict[str, tuple[str, str]] = {}
        self._broken: str | None = None

    @classmethod
    @asynccontextmanager
    async def over(cls, sandbox: Backend, task: Code, code: str, seconds: float) -> AsyncIterator[Duet]:
        """With two sessions, which end with it. Errors: SandboxError."""
        playing, testing = await sandbox.create(), None
        try:
            testing = await sandbox.create()
            duet = cls(playing, testing, task, seconds)
            await duet._load(code)
            yield duet
        finally:
            await playing.close()
            if testing is not None:
                await testing.close()

    async def failure(self, test: str) -> str | None:
        """Why the code fails a test; None: it passes. Errors: Ungradable, SandboxError."""
        while self._broken is None:
            said = await self._try(test)
            if said.get("passed"):
                return None
            if "failed" in said:
                return _judged(said)
            self._broken = await self._call(str(said.get("needs")))
        return self._broken

    async def _load(self, code: str) -> None:
        if self._task.prelude and not _halved(self._task.prelude):
            await self._code.run(self._task.prelude, self._seconds)
        self._broken = _fault(await self._code.run(code, self._seconds))
        if self._broken is None:
            _expect(await self._tests.run(_STAND_IN, self._seconds))

    async def _try(self, test: str) -> dict[str, Any]:
        """What the tests' process says of a test with the calls known so far."""
        prelude = "" if _halved(self._task.prelude) else self._task.prelude
        names = list(dict.fromkeys([self._task.entry_point, "candidate"]))
        mark = secrets.token_hex(16)
        arguments = ", ".join(map(repr, (mark, prelude, names, self._table, test)))
        result = await self._tests.run(f"_flyball_test({arguments})", self._seconds)
        said = _behind(mark, result.stdout)
        if result.status is not Status.OK or said is None:
            raise Ungradable(f"the tests do not end: {result.status}")
        return said

    async def _call(self, key: str) -> str | None:
        """Put a call of the real function into the table; what went wrong when there is nothing to put."""
        if len(self._table) >= MOST_CALLS:
            raise Ungradable(f"the tests call the function more than {MOST_CALLS} times")
        if not is_plain(key):
            raise Ungradable("the tests give the function more than plain data")
        if not self._code.alive:
            return "its process has ended"
        mark = secrets.token_hex(16)
        call = f"(lambda args, kwargs: {self._task.entry_point}(*args, **kwargs))(*{key})"
        result = await self._code.run(f"{NAMES}{_CALL}_flyball_call({mark!r}, lambda: {call})", self._seconds)
        if (fault := _fault(result)) is not None:
            return fault
        said = _behind(mark, result.stdout) or {}
        if isinstance(value := said.get("value"), str) and is_plain(value):
            self._table[key] = ("value", value)
        elif isinstance(name := said.get("raised"), str) and name.isidentifier():
            self._table[key] = ("raised", name)
        else:
            return "it returned no plain data"
        return None


def _judged(said: dict[str, Any]) -> str:
    """Why it failed. Errors: Ungradable for a test that names what neither it nor its question defines."""
    if said["failed"] == "NameError":
        raise Ungradable(f"the tests cannot run: {said.get('text')}")
    return f"{said['failed']} {said.get('text') or ''}".strip()


def _behind(mark: str, printed: str) -> dict[str, Any] | None:
    """The last object that stands behind the nonce."""
    lines = [line for line in printed.splitlines() if line.startswith(mark)]
    try:
        said = json.loads(lines[-1].removeprefix(mark)) if lines else None
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _fault(result: CellResult) -> str | None:
    """Why a cell of the code came to no end. Errors: Ungradable when that is not the code's doing."""
    if result.status is Status.INFRA:
        raise Ungradable(result.error or "the sandbox failed")
    if result.status is Status.OK:
        return None
    return (result.error or str(result.status)).strip().splitlines()[-1][:200]


def _expect(result: CellResult) -> None:
    if result.status is not Status.OK:
        raise Ungradable(f"the tests' process does not start: {result.error}")


def _halved(prelude: str) -> bool:
    """Whether it ends in the middle of a function: it cannot run by itself."""
    return parsed(prelude) is None
