"""What keeps a session in: as much of it as can be is made ready in the zygote, once for all sessions."""

from __future__ import annotations

import os
import signal
import sys

from ..tiers import Tier
from . import landlock, libc, preload, privileges, seccomp
from .filesystem import WORK, cover_proc, enter_work_folder, readable
from .namespaces import enter_user_namespace
from .spec import JailSpec

_LANDLOCK_THAT_STOPS_TRUNCATION = 3
_NAMESPACES = libc.CLONE_NEWNS | libc.CLONE_NEWIPC | libc.CLONE_NEWUTS
_FIRST_PROCESS = 1  # what a session's number is in a namespace of its own


class Wall:
    """Made in the zygote; a fork of it puts it on. Errors: OSError for a step that this system does not allow."""

    def __init__(self, spec: JailSpec) -> None:
        self._spec = spec
        self._has_folder = spec.tier is Tier.A
        if not self._has_folder and landlock.version() < _LANDLOCK_THAT_STOPS_TRUNCATION:
            raise OSError("tier B needs version 3 of Landlock (Linux 6.2): before it, files can be truncated")
        # A rule for the folder of the working directory holds for whatever is mounted there.
        writable = [os.path.dirname(WORK), "/dev/null"] if self._has_folder else ["/dev/null"]
        self._ruleset = landlock.ruleset([*readable(), "/dev/urandom"], writable)
        self._filter = seccomp.Filter(seccomp.allow_list(_FIRST_PROCESS, self._has_folder))
        self._address_space = privileges.address_space()
        self.proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        """What is left of `/proc` here: a descriptor, which no session keeps."""
        if self._has_folder:
            cover_proc()

    @property
    def descriptors(self) -> tuple[int, int]:
        """What a session has to keep open until it puts the wall on, which closes them."""
        return self._ruleset, self.proc

    def put_on(self, slot: int) -> None:
        """All but the filter of system calls."""
        spec = self._spec
        shared_user = not self._has_folder and os.geteuid() != 0
        threads = spec.limits.threads + (privileges.threads_of_user() if shared_user else 0)
        privileges.become(spec.first_uid + slot)
        if self._has_folder:
            enter_user_namespace(_NAMESPACES, self.proc)
            enter_work_folder(spec.limits.disk_mib, spec.limits.files)
        os.close(self.proc)
        preload.reseed()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        sys.path.insert(0, WORK)
        libc.drop_capabilities()
        privileges.limit(spec.limits, self._address_space, threads)
        landlock.restrict(self._ruleset)

    def close_up(self) -> None:
        """The filter of system calls, last."""
        own = os.getpid()
        ready = own == _FIRST_PROCESS
        (self._filter if ready else seccomp.Filter(seccomp.allow_list(own, self._has_folder))).install()
