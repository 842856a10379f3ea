"""How a session comes to be: what happens between the zygote's fork and the first cell."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from typing import NoReturn

from ..tiers import Tier
from ..wire import frame
from . import landlock, libc, preload, privileges, seccomp
from .channel import Channel
from .filesystem import WORK, enter_session_folders, readable
from .namespaces import enter_user_namespace
from .repl import Repl
from .spec import JailSpec

_LANDLOCK_THAT_STOPS_TRUNCATION = 3
_SESSION_NAMESPACES = libc.CLONE_NEWNS | libc.CLONE_NEWIPC | libc.CLONE_NEWUTS


def live(spec: JailSpec, slot: int, session: socket.socket, zygote: int, beside: privileges.Beside) -> NoReturn:
    """A session's whole life, in a fresh fork of the zygote, of which `zygote` is a process descriptor."""
    status = 1
    try:
        _raise_wall(spec, slot, beside)
        _end_with(zygote)
        seccomp.restrict(own_folder=spec.tier is Tier.A)
        session.sendall(frame(b'{"type": "ready"}'))
        Repl(Channel(session), spec.limits).serve()
        status = 0
    except OSError as error:
        session.sendall(frame(json.dumps({"type": "failed", "error": str(error)}).encode()))
    finally:
        os._exit(status)


def _raise_wall(spec: JailSpec, slot: int, beside: privileges.Beside) -> None:
    """All but the filter of system calls. Errors: OSError for a step that this system does not allow."""
    os.setsid()
    privileges.become(spec.first_uid + slot)
    if spec.tier is Tier.A:
        enter_user_namespace(_SESSION_NAMESPACES)
        enter_session_folders(spec.limits.disk_mib, spec.limits.files)
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


def _end_with(zygote: int) -> None:
    """Has this process end when the zygote does, which may have been just now."""
    privileges.die_with_parent()
    ended, _, _ = select.select([zygote], [], [], 0)
    os.close(zygote)
    if ended:
        os._exit(1)
