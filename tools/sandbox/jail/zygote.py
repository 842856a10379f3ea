"""The process that all sessions are forked from. It never runs a cell, and has one thread."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
from typing import Any

from ..tiers import Tier
from . import libc, privileges
from .birth import give_birth, new_user_namespace
from .filesystem import enter_zygote_root
from .preload import preload
from .spec import JailSpec

_ZYGOTE_NAMESPACES = libc.CLONE_NEWNS | libc.CLONE_NEWNET | libc.CLONE_NEWIPC | libc.CLONE_NEWUTS
_MESSAGE = 1 << 16


def main(descriptor: int, source: str) -> None:
    """Serves the host at the other end of a socket until it goes; `source` is where this package was imported from."""
    host = socket.socket(fileno=descriptor)
    privileges.die_with_parent()
    spec = JailSpec.decode(host.recv(_MESSAGE))
    sys.path.remove(source)
    try:
        _enter_jail(spec.tier)
        missing = preload(spec.preload)
    except OSError as error:
        _tell(host, {"failed": None, "error": str(error)})
        return
    zygote = Zygote(spec, host)
    _tell(host, {"ready": missing})
    zygote.serve()


class Zygote:
    """Forks a session for each request of the host, and tells it when one has ended."""

    def __init__(self, spec: JailSpec, host: socket.socket) -> None:
        self._spec = spec
        self._host = host
        self._deaths, wake_up = os.pipe()
        for end in (self._deaths, wake_up):
            os.set_blocking(end, False)
        self._wake_up = wake_up
        signal.set_wakeup_fd(wake_up, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, at: None)
        libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
        with open(os.devnull, "r+b") as nothing:
            for standard in range(3):
                os.dup2(nothing.fileno(), standard)

    def serve(self) -> None:
        """Works until the host goes."""
        poll = select.poll()
        for source in (self._host.fileno(), self._deaths):
            poll.register(source, select.POLLIN)
        while True:
            ready = {source for source, _ in poll.poll()}
            if self._deaths in ready:
                self._report_deaths()
            if self._host.fileno() in ready:
                body, descriptors, _, _ = socket.recv_fds(self._host, _MESSAGE, 1)
                if not body:
                    return
                self._create(json.loads(body), descriptors[0])

    def _create(self, request: dict[str, Any], descriptor: int) -> None:
        if len(os.listdir("/proc/self/task")) > 1:  # a fork would leave the other threads' locks held for ever
            _tell(self._host, {"failed": request["create"], "error": "a preloaded module has started a thread"})
            os.close(descriptor)
        elif os.fork() == 0:
            self._become_session(request, socket.socket(fileno=descriptor))
        else:
            os.close(descriptor)

    def _become_session(self, request: dict[str, Any], session: socket.socket) -> None:
        """In the fork: never returns."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            os.close(self._deaths)
            os.close(self._wake_up)
            give_birth(self._spec, request["slot"], session, self._host, request["create"])
            status = 0
        except OSError as error:
            _tell(self._host, {"failed": request["create"], "error": str(error)})
        finally:
            os._exit(status)

    def _report_deaths(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._deaths, _MESSAGE)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                _tell(self._host, {"ended": ended[0], "status": ended[1]})


def _enter_jail(tier: Tier) -> None:
    if tier is not Tier.A:
        return
    if os.geteuid() == 0:
        libc.unshare(_ZYGOTE_NAMESPACES)
    else:
        new_user_namespace(_ZYGOTE_NAMESPACES)
        privileges.die_with_parent()
    socket.sethostname("sandbox")
    enter_zygote_root()


def _tell(host: socket.socket, message: dict[str, Any]) -> None:
    host.sendall(json.dumps(message).encode())
