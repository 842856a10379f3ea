"""The process that all sessions are forked from. It never runs a cell, and has one thread."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
from collections.abc import Callable
from typing import Any

from ..tiers import Tier
from . import libc, memory, privileges
from .birth import live
from .filesystem import enter_zygote_root
from .namespaces import ProcessNamespaces, enter_user_namespace
from .preload import preload
from .rehearsal import rehearse
from .repl import Repl
from .spec import JailSpec
from .wall import Wall

_ZYGOTE_NAMESPACES = libc.CLONE_NEWNS | libc.CLONE_NEWPID | libc.CLONE_NEWNET | libc.CLONE_NEWIPC | libc.CLONE_NEWUTS
_MESSAGE = 1 << 16
_ALONE = 3  # links of a folder with one folder in it, which is what a process with one thread has


def main(descriptor: int) -> None:
    """Serves the host at the other end of a socket until it goes."""
    host = socket.socket(fileno=descriptor)
    privileges.die_with_parent()
    spec = JailSpec.decode(host.recv(_MESSAGE))
    try:
        if spec.tier is Tier.A:
            _enter_jail(host)
        missing = preload(spec.preload)
        zygote = Zygote(spec, host)
    except OSError as error:
        _tell(host, {"failed": None, "error": str(error)})
        return
    _tell(host, {"ready": missing}, os.pidfd_open(os.getpid()))
    zygote.serve()


class Zygote:
    """Forks a session for each request of the host, and tells it when one has ended."""

    def __init__(self, spec: JailSpec, host: socket.socket) -> None:
        self._spec = spec
        self._host = host
        gc.collect()
        rehearse(spec.limits)
        self._repl = Repl(spec.limits)
        memory.settle()
        self._wall = Wall(spec)
        self._fork: Callable[[], int] = os.fork
        if spec.tier is Tier.A:
            self._fork = ProcessNamespaces(self._wall.proc).fork
        self._requests: dict[int, int] = {}
        """The request of the host by which each living child came to be."""
        self._deaths, wake_up = os.pipe()
        for end in (self._deaths, wake_up):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_up, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, at: None)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # for the sessions: the server may have ignored it
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
        number: int = request["create"]
        with socket.socket(fileno=descriptor) as session:
            try:
                pid = self._give_birth(request["slot"], session)
                self._requests[pid] = number
                _tell(self._host, {"created": number}, os.pidfd_open(pid))
            except OSError as error:
                _tell(self._host, {"failed": number, "error": str(error)})

    def _give_birth(self, slot: int, session: socket.socket) -> int:
        """The new session's process number as this process sees it."""
        if os.stat("self/task", dir_fd=self._wall.proc).st_nlink > _ALONE:  # a fork would leave others' locks held
            raise OSError("a preloaded module has started a thread")
        own = os.pidfd_open(os.getpid())
        pid = self._fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            _close_all_but(session.fileno(), own, *self._wall.descriptors)
            live(self._wall, self._repl, slot, session, own)
        os.close(own)
        return pid

    def _report_deaths(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._deaths, _MESSAGE)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                _tell(self._host, {"ended": self._requests.pop(ended[0]), "status": ended[1]})


def _close_all_but(*kept: int) -> None:
    lowest = 3  # the standard streams lead to /dev/null
    for descriptor in sorted(kept):
        os.closerange(lowest, descriptor)
        lowest = descriptor + 1
    os.closerange(lowest, os.sysconf("SC_OPEN_MAX"))


def _enter_jail(host: socket.socket) -> None:
    """Goes on in a child that sees nothing of the host's system but libraries; this process ends when the child does.

    The child is the first process of its namespace: when it ends, the kernel kills every session.
    """
    if os.geteuid() == 0:
        libc.unshare(_ZYGOTE_NAMESPACES)
    else:
        proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
        enter_user_namespace(_ZYGOTE_NAMESPACES, proc)
        os.close(proc)
        privileges.die_with_parent()
    child = os.fork()
    if child:
        host.close()
        os.waitpid(child, 0)
        os._exit(0)
    privileges.die_with_parent()
    socket.sethostname("sandbox")
    enter_zygote_root()


def _tell(host: socket.socket, message: dict[str, Any], *descriptors: int) -> None:
    """Sends a message, and descriptors that are closed here."""
    socket.send_fds(host, [json.dumps(message).encode()], descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
