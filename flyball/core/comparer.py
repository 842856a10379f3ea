"""Processes that compare answers: belonging to no event loop, so that none takes them along when it ends.

`python -m flyball.core.comparer` is such a process: a line with two answers in, a line with 1 or 0 out.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO

_PROCESSES = 4
_START_SECONDS = 120.0


class Comparer:
    """One process, started with the first question and again after it was killed. One question at a time."""

    def __init__(self, command: Sequence[str] = (sys.executable, "-m", __name__)) -> None:
        self._command = command
        self._process: subprocess.Popen[str] | None = None

    def same(self, a: str, b: str, seconds: float) -> bool:
        """What the process answers; False when it takes too long or does not survive. RuntimeError: it cannot run."""
        process = self._process = self._process or _start(self._command)
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None and stdout is not None
        try:
            stdin.write(json.dumps([a, b]) + "\n")
            stdin.flush()
            reply = _line(stdout, seconds)
        except BrokenPipeError:
            reply = ""
        if not reply:
            self.close()
        return reply == "1\n"

    def kill(self) -> None:
        """End the process, whatever it does; from any thread."""
        if (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """End the process and wait until it has ended."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdout is not None
    if _line(process.stdout, _START_SECONDS) != "ready\n":
        process.kill()
        process.communicate()
        raise RuntimeError("the process that compares answers does not start; its error is on standard error")
    return process


def _line(stream: IO[str], seconds: float) -> str:
    """The next line; "" when none comes in time, or ever."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        return stream.readline() if selector.select(seconds) else ""


class Comparison:
    """One question, waiting or being answered."""

    def __init__(self, a: str, b: str, seconds: float) -> None:
        self.result: Future[bool]
        self._question = (a, b, seconds)
        self._lock = threading.Lock()
        self._given_up = False
        self._comparer: Comparer | None = None

    def run(self, comparer: Comparer) -> bool:
        """Answer it with this process."""
        with self._lock:
            if self._given_up:
                return False
            self._comparer = comparer
        try:
            return comparer.same(*self._question)
        finally:
            with self._lock:
                self._comparer = None
            if self._given_up:
                comparer.close()

    def give_up(self) -> None:
        """Nobody waits any more."""
        with self._lock:
            self._given_up = True
            if self._comparer is not None:
                self._comparer.kill()


class Comparers:
    """A few threads, each with a process of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_PROCESSES, thread_name_prefix="compare-answers")
        self._own = threading.local()
        atexit.register(self._threads.shutdown)

    def compare(self, a: str, b: str, seconds: float) -> Comparison:
        """Begin to answer."""
        comparison = Comparison(a, b, seconds)
        comparison.result = self._threads.submit(self._run, comparison)
        return comparison

    def _run(self, comparison: Comparison) -> bool:
        comparer = getattr(self._own, "comparer", None)
        if comparer is None:
            comparer = self._own.comparer = Comparer()
            atexit.register(comparer.close)
        return comparison.run(comparer)


def serve(questions: IO[str], replies: IO[str]) -> None:
    """Answer until there are no more questions."""
    from .answers import same_answer

    same_answer("0", "0.0")  # imports what takes long
    print("ready", file=replies, flush=True)
    for question in questions:
        try:
            same = same_answer(*json.loads(question))
        except Exception as error:  # noqa: BLE001  a model wrote the answers: whatever they break, they are not the same
            print(f"answers that cannot be compared: {type(error).__name__}", file=sys.stderr)
            same = False
        print(int(same), file=replies, flush=True)


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
