"""The loop of a session: takes a cell, runs it, sends what came of it."""

from __future__ import annotations

import ast
import base64
import builtins
import io
import linecache
import sys
import traceback
import types
import warnings
from typing import Any

from ..limits import Limits
from ..text import cut_middle
from .channel import Channel
from .figures import take_figures
from .output import CappedOutput
from .reserve import Reserve


class Repl:
    """Runs cells one after the other; names that a cell binds are there for the next.

    Whatever a cell does to Python inside this process, it can do to this loop too: the host takes nothing from here as
    more than text.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._channel: Channel
        self._reserve: Reserve
        self._cell: dict[str, Any] = {}
        self._streams = {name: CappedOutput(name, limits.output_chars, self._print) for name in ("stdout", "stderr")}
        module = types.ModuleType("__main__")
        module.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = module  # not the zygote's own, else pickle looks for the cell's classes there
        self._names = module.__dict__
        sys.argv = [""]
        warnings.filterwarnings("ignore", message=".*non-interactive.*")  # pyplot.show(): the host shows the figure

    def serve(self, channel: Channel) -> None:
        """Runs cells until the host goes."""
        self._channel = channel
        self._reserve = Reserve()
        while (request := channel.receive()) is not None:
            self._cell = {"id": request["id"], "nonce": request["nonce"]}
            channel.send({"type": "done", **self._cell, **self._run(request["id"], request["code"])})

    def _run(self, number: int, code: str) -> dict[str, Any]:
        sys.stdin = io.StringIO()
        sys.stdout, sys.stderr = (stream.begin() for stream in self._streams.values())
        outcome: dict[str, Any] = {"status": "ok", "value": None, "error": None, "images": []}
        self._reserve.hold()
        try:
            self._channel.interruptible(True)
            value = self._evaluate(f"<cell {number}>", code)
            if value is not None:
                self._names["_"] = value
                outcome["value"] = _clean(cut_middle(repr(value), self._limits.value_chars))
            images = take_figures(self._limits)
            outcome["images"] = [base64.b64encode(image).decode() for image in images]
            self._channel.interruptible(False)
        except BaseException as error:  # noqa: BLE001  # the boundary of the cell: what it raises is its result
            self._reserve.release()
            outcome["status"] = "oom" if isinstance(error, MemoryError) else "user_error"
            outcome["error"] = self._describe(error)
        return {**outcome, **{name: stream.end() for name, stream in self._streams.items()}}

    def _evaluate(self, name: str, code: str) -> object:
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)  # for tracebacks and inspect
        tree = ast.parse(code, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), self._names)  # noqa: S102  # what a session is for
        if not isinstance(last, ast.Expr):
            return None
        value: object = eval(compile(ast.Expression(last.value), name, "eval"), self._names)
        return value

    def _describe(self, error: BaseException) -> str:
        try:
            self._channel.interruptible(True)
            text = "".join(_of_cells(traceback.TracebackException.from_exception(error)).format())
            self._channel.interruptible(False)
            return _clean(cut_middle(text, self._limits.value_chars))
        except BaseException:  # noqa: BLE001  # the cell's own class may do anything when it is shown
            self._channel.interruptible(False)
            return "an exception whose text cannot be shown"

    def _print(self, stream: str, text: str) -> None:
        self._channel.send({"type": "output", **self._cell, "stream": stream, "text": _clean(text)})


def _of_cells(told: traceback.TracebackException, depth: int = 10) -> traceback.TracebackException:
    """Leaves the lines of cells, also in the errors that led to this one: libraries are not what has to be mended."""
    told.stack[:] = [frame for frame in told.stack if frame.filename.startswith("<cell ")]
    for other in filter(None, (told.__cause__, told.__context__)) if depth else ():
        _of_cells(other, depth - 1)
    return told


def _clean(text: str) -> str:
    """The text without half characters, which no UTF-8 can carry."""
    return text.encode("utf-8", "replace").decode()
