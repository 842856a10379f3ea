"""Whether a wall holds on this system: tried out by breaking it, in a session that is thrown away.

What a kernel says that it can do is not asked. A container may let one call through and refuse the next, and a call
that succeeds may enforce nothing.
"""

from __future__ import annotations

import ast
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ...core.errors import SandboxError, SandboxUnavailable
from ..result import Status
from .config import SandboxConfig
from .limits import Limits
from .sandbox import Sandbox
from .session import Session
from .tiers import Tier

_REMEDIES = {
    Tier.A: "Let this user make user namespaces and mount in them (Linux 5.13 or newer): on Ubuntu, give this Python an "
    "AppArmor profile with the rule 'userns,' or set kernel.apparmor_restrict_unprivileged_userns=0. Inside a container "
    "that forbids namespaces, tier B is what there is.",
    Tier.B: "Use Linux 6.2 or newer with landlock among its security modules (lsm=), in a container that allows seccomp. "
    "Where the server runs as root, install Python where every user can read it, not under /root.",
}

_HONEST = "import colorsys, sqlite3\nsum(range(10))"

_ATTACKS = """
import ctypes, os, socket

got_through = []

def attempt(name, act):
    try:
        act()
    except OSError:
        return
    got_through.append(name)

def fork():
    if os.fork() == 0:
        os._exit(0)

def unshare():
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000):
        raise OSError

attempt("reading a file of the host", lambda: open(canary).close())
attempt("writing a file of the host", lambda: open(canary, "a").close())
attempt("changing the mode of a file of the host", lambda: os.chmod(canary, 0o600))
attempt("opening a socket", lambda: socket.socket().close())
attempt("starting a process", fork)
attempt("signalling every process", lambda: os.kill(-1, 0))
attempt("making a user namespace", unshare)
got_through
"""


@dataclass(frozen=True)
class TierReport:
    """What the probe of one tier found."""

    tier: Tier
    holds: bool
    reason: str = ""
    """Why it does not hold."""
    remedy: str = ""
    """What would make it hold."""

    def __str__(self) -> str:
        return f"tier {self.tier}: " + ("holds" if self.holds else f"{self.reason}. {self.remedy}")


async def probe(tier: Tier, config: SandboxConfig | None = None) -> TierReport:
    """Starts a sandbox of the tier, tries honest code and attacks in it, and throws it away."""
    reason = await _fault(tier, config or SandboxConfig())
    return TierReport(tier, not reason, reason, _REMEDIES[tier] if reason else "")


async def best_tier(config: SandboxConfig | None = None) -> Tier:
    """The first tier that holds here: of all, or the one that the configuration names.

    There is nothing to fall back to. Errors: SandboxUnavailable, whose text says for each tier why it does not hold and
    how to mend that.
    """
    config = config or SandboxConfig()
    reports = []
    for tier in (config.tier,) if config.tier is not None else Tier:
        report = await probe(tier, config)
        if report.holds:
            return tier
        reports.append(report)
    raise SandboxUnavailable("no sandbox holds on this system; " + "; ".join(map(str, reports)))


async def open_sandbox(config: SandboxConfig | None = None) -> Sandbox:
    """A running sandbox on the best tier that holds. Errors: SandboxUnavailable; SandboxError if it does not start."""
    config = config or SandboxConfig()
    sandbox = Sandbox(await best_tier(config), config)
    await sandbox.start()
    return sandbox


async def _fault(tier: Tier, config: SandboxConfig) -> str:
    """Why the tier does not hold; empty if it does."""
    if sys.platform != "linux":
        return f"it needs Linux, and this is {sys.platform}"
    bare = replace(config, preload=(), limits=Limits())
    try:
        async with Sandbox(tier, bare) as sandbox:
            return await _try_out(await sandbox.create())
    except (SandboxError, OSError) as error:
        return f"it cannot be built: {error}"


async def _try_out(session: Session) -> str:
    honest = await session.run(_HONEST)
    if honest.status is not Status.OK or honest.value != "45":
        return f"honest code fails in it: {(honest.error or 'wrong value').strip().splitlines()[-1]}"
    with tempfile.NamedTemporaryFile() as canary:
        attacked = await session.run(f"canary = {canary.name!r}\n{_ATTACKS}")
    if attacked.status is not Status.OK or attacked.value is None:
        return f"the attacks could not be tried: {attacked.error}"
    got_through: Iterable[str] = ast.literal_eval(attacked.value)
    return f"it does not stop {', '.join(got_through)}" if got_through else ""
