"""The zygote as the host holds it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...core.errors import SandboxError
from .jail.filesystem import WORK
from .jail.spec import JailSpec
from .process import SessionProcess, process_number

_MESSAGE = 1 << 16
_PACKAGE = __name__.rpartition(".")[0]
_BOOT = f"""import sys, types
package, folder = "", sys.argv[2]
for part in {_PACKAGE.split(".")!r}:
    package, folder = (package + "." + part).lstrip("."), folder + "/" + part
    sys.modules[package] = types.ModuleType(package)
    sys.modules[package].__path__ = [folder]
from {_PACKAGE}.jail.zygote import main
main(int(sys.argv[1]))
"""
"""Loads the jail without what the packages around it hold for the host: each library that is mapped makes every fork longer."""

Around = Callable[[str], list[str]]
"""A command that runs the zygote's, by the folder that our package is imported from. Errors: SandboxError."""

ENVIRONMENT = {
    "HOME": WORK,
    "TMPDIR": WORK,
    "MPLCONFIGDIR": WORK,
    "MPLBACKEND": "agg",
    "LANG": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",  # else each thread reserves address space, which the memory limit counts
    "OPENBLAS_NUM_THREADS": "1",  # a zygote with threads cannot fork
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""The zygote's whole environment: nothing of the server's, so that no session can find the server's keys."""


class ZygoteProcess:
    """Starts sessions through the zygote, and learns from it when one has ended.

    It ends with the thread that started it: the kernel sees to that, so that nothing is left of a killed server.
    """

    def __init__(self, spec: JailSpec, around: Around | None = None) -> None:
        source = str(Path(sys.modules[_PACKAGE.partition(".")[0]].__path__[0]).absolute().parent)
        prefix = around(source) if around is not None else []
        self.missing: list[str] = []
        """Modules that were to be preloaded and are not installed."""
        self.pid: int | None = None
        """Its process id once it is ready."""
        self._host, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._host.setblocking(False)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed in stop()
        with inside:
            self._process = subprocess.Popen(
                [*prefix, sys.executable, "-I", "-c", _BOOT, str(inside.fileno()), source],
                env=ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=[inside.fileno()],
                start_new_session=True,
            )
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._births: dict[int, asyncio.Future[SessionProcess]] = {}
        self._ends: dict[int, asyncio.Future[int | None]] = {}
        self._requests = 0
        self._descriptor: int | None = None
        asyncio.get_running_loop().add_reader(self._host.fileno(), self._listen)
        with contextlib.suppress(BrokenPipeError):  # it has ended already: `ready` says why
            self._host.send(spec.encode())

    @property
    def alive(self) -> bool:
        """Whether it can start sessions."""
        return self._host.fileno() >= 0

    async def ready(self, seconds: float) -> None:
        """Waits until its modules are loaded. Errors: SandboxError."""
        try:
            async with asyncio.timeout(seconds):
                await self._ready
        except TimeoutError:
            raise SandboxError(f"the sandbox's zygote was not ready after {seconds:g} s") from None

    async def create(self, slot: int, end: socket.socket, seconds: float) -> SessionProcess:
        """Has a session forked that holds the other end of a connection. Errors: SandboxError."""
        if not self.alive:
            raise SandboxError("the sandbox's zygote has ended")
        self._requests += 1
        number = self._requests
        birth: asyncio.Future[SessionProcess] = asyncio.get_running_loop().create_future()
        self._births[number] = birth
        try:
            socket.send_fds(self._host, [json.dumps({"create": number, "slot": slot}).encode()], [end.fileno()])
            async with asyncio.timeout(seconds):
                return await birth
        except TimeoutError:
            raise SandboxError(f"a session was not there after {seconds:g} s") from None
        except OSError as error:
            raise SandboxError(f"the sandbox's zygote takes no requests: {error}") from error
        finally:
            del self._births[number]

    def stop(self) -> None:
        """Ends it, and with it every session."""
        if not self.alive:
            return
        asyncio.get_running_loop().remove_reader(self._host.fileno())
        self._host.close()
        self._kill()
        self._process.wait()
        failure = SandboxError(f"the sandbox's zygote has ended{self._last_words()}")
        self._errors.close()
        if not self._ready.done():
            self._ready.set_exception(failure)
        for birth in self._births.values():
            if not birth.done():
                birth.set_exception(failure)
        for end in self._ends.values():
            if not end.done():
                end.set_result(None)
        self._ends.clear()

    def _kill(self) -> None:
        if self._descriptor is None:
            self._process.kill()
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
        os.close(self._descriptor)

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        words = [line for line in lines if line.strip()]
        return f": {words[-1]}" if words else ""

    def _listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self.alive:
                try:
                    body, descriptors, _, _ = socket.recv_fds(self._host, _MESSAGE, 1, socket.MSG_CMSG_CLOEXEC)
                except ConnectionResetError:
                    body, descriptors = b"", []
                if not body:
                    self.stop()
                    return
                self._take(json.loads(body), descriptors)

    def _take(self, message: dict[str, Any], descriptors: list[int]) -> None:
        if "ready" in message:
            self._take_ready(message["ready"], descriptors[0])
        elif "created" in message:
            self._take_birth(message["created"], descriptors)
        elif "failed" in message:
            waiting = self._ready if message["failed"] is None else self._births.get(message["failed"])
            if waiting is not None and not waiting.done():
                waiting.set_exception(SandboxError(message["error"]))
        elif (end := self._ends.pop(message["ended"], None)) is not None and not end.done():
            end.set_result(message["status"])

    def _take_ready(self, missing: list[str], descriptor: int) -> None:
        self.missing = missing
        self._descriptor = descriptor
        self.pid = process_number(descriptor)
        self._ready.set_result(None)

    def _take_birth(self, request: int, descriptors: list[int]) -> None:
        birth = self._births.get(request)
        if not descriptors:  # the kernel drops one that this process has no room for; the session ends by itself
            if birth is not None and not birth.done():
                birth.set_exception(SandboxError("this process has as many open files as it may"))
            return
        end = self._ends[request] = asyncio.get_running_loop().create_future()
        process = SessionProcess(descriptors[0], end)
        if birth is None or birth.done():  # nobody waits for it any more
            process.release()
        else:
            birth.set_result(process)
