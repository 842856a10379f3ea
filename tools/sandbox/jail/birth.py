"""How a session comes to be: what happens between the zygote's fork and the first cell."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys

from ..tiers import Tier
from ..wire import frame
from . import landlock, libc, preload, privileges, seccomp
from .channel import Channel
from .filesystem import WORK, enter_session_folders, readable
from .repl import Repl
from .spec import JailSpec

_LANDLOCK_THAT_STOPS_TRUNCATION = 3
_SESSION_NAMESPACES = libc.CLONE_NEWUSER | libc.CLONE_NEWNS | libc.CLONE_NEWPID | libc.CLONE_NEWIPC | libc.CLONE_NEWUTS


def new_user_namespace(flags: int) -> None:
    """Enters namespaces in which this process may mount, with its user mapped to itself."""
    uid, gid = os.geteuid(), os.getegid()
    libc.unshare(libc.CLONE_NEWUSER | flags)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def give_birth(spec: JailSpec, slot: int, session: socket.socket, host: socket.socket, request: int) -> None:
    """Runs in a fresh fork of the zygote: makes the session, tells the host its pid, and ends.

    A new pid namespace holds only the children of the process that made it, so the session is this process's child. The
    zygote inherits it when this process ends. Errors: OSError for a step that this system does not allow.
    """
    beside = privileges.Beside.measure(shared_user=spec.tier is Tier.B and os.geteuid() != 0)
    privileges.become(spec.first_uid + slot)
    privileges.die_with_parent()
    if spec.tier is Tier.A:
        new_user_namespace(_SESSION_NAMESPACES & ~libc.CLONE_NEWUSER)
        privileges.die_with_parent()
        enter_session_folders(spec.limits.disk_mib, spec.limits.files)
    parent = os.pidfd_open(os.getpid())
    pid = os.fork()
    if pid == 0:
        _live(spec, session, host, parent, beside)
    pidfd = os.pidfd_open(pid)
    socket.send_fds(host, [json.dumps({"created": request, "pid": pid}).encode()], [pidfd])


def _live(spec: JailSpec, session: socket.socket, host: socket.socket, parent: int, beside: privileges.Beside) -> None:
    """The session's whole life; never returns."""
    try:
        host.close()
        os.setsid()
        _give_up_rights(spec, beside)
        select.select([parent], [], [])  # only then is the zygote the parent, whose end is to be this session's end
        os.close(parent)
        privileges.die_with_parent()
        seccomp.restrict(own_folder=spec.tier is Tier.A)
        session.sendall(frame(b'{"type": "ready"}'))
    except OSError as error:
        session.sendall(frame(json.dumps({"type": "failed", "error": str(error)}).encode()))
        os._exit(1)
    status = 1
    try:
        Repl(Channel(session), spec.limits).serve()
        status = 0
    finally:
        os._exit(status)


def _give_up_rights(spec: JailSpec, beside: privileges.Beside) -> None:
    preload.reseed()
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    sys.path.insert(0, WORK)
    libc.drop_capabilities()
    privileges.limit(spec.limits, beside)
    if spec.tier is Tier.B and landlock.version() < _LANDLOCK_THAT_STOPS_TRUNCATION:
        raise OSError("tier B needs version 3 of Landlock (Linux 6.2): before it, files can be truncated")
    writable = [WORK, "/dev/null"] if spec.tier is Tier.A else ["/dev/null"]
    landlock.restrict([*readable(), "/dev/urandom"], writable)
