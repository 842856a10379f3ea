"""Whether a wall holds on this system: tried out by breaking it, in a session that is thrown away.

What a kernel says that it can do is not asked. A container may let one call through and refuse the next, and a call
that succeeds may enforce nothing.
"""

from __future__ import annotations

import ast
import logging
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ...core.errors import SandboxError, SandboxUnavailable
from ..result import Status
from .backend import Backend, CellSession
from .config import SandboxConfig
from .limits import Limits
from .opening import OPENERS
from .tiers import REMEDIES, Tier
from .trials import TRIALS, Trial

logger = logging.getLogger(__name__)


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
    return TierReport(tier, not reason, reason, REMEDIES[tier] if reason else "")


async def probe_all(config: SandboxConfig | None = None) -> list[TierReport]:
    """What was found in the order of preference, up to the first tier that holds: of all, or of the one that is named."""
    config = config or SandboxConfig()
    reports = []
    for tier in (config.tier,) if config.tier is not None else Tier:
        reports.append(await probe(tier, config))
        if reports[-1].holds:
            break
    return reports


async def best_tier(config: SandboxConfig | None = None) -> Tier:
    """The first tier that holds here: of all, or the one that the configuration names.

    There is nothing to fall back to. Errors: SandboxUnavailable, whose text says for each tier why it does not hold and
    how to mend that.
    """
    reports = await probe_all(config)
    if not reports[-1].holds:
        raise SandboxUnavailable("no sandbox holds on this system; " + "; ".join(map(str, reports)))
    return reports[-1].tier


async def open_sandbox(config: SandboxConfig | None = None) -> Backend:
    """A running sandbox on the best tier that holds. Errors: SandboxUnavailable; SandboxError if it does not start."""
    config = config or SandboxConfig()
    tier = await best_tier(config)
    logger.info("Python runs in a sandbox of tier %s", tier)
    return await OPENERS[tier](config)


async def _fault(tier: Tier, config: SandboxConfig) -> str:
    """Why the tier does not hold; empty if it does."""
    try:
        backend = await OPENERS[tier](replace(config, preload=(), limits=Limits(), max_sessions=1))
    except (SandboxError, OSError) as error:
        return f"it cannot be built: {error}"
    try:
        return await _try_out(await backend.create(), TRIALS[tier])
    except (SandboxError, OSError) as error:
        return f"it cannot be built: {error}"
    finally:
        await backend.close()


async def _try_out(session: CellSession, trial: Trial) -> str:
    honest = await session.run(trial.honest)
    if honest.status is not Status.OK or honest.value != "45":
        return f"honest code fails in it: {(honest.error or 'wrong value').strip().splitlines()[-1]}"
    with tempfile.NamedTemporaryFile() as canary:
        attacked = await session.run(f"canary = {canary.name!r}\n{trial.attacks}")
    if attacked.status is not Status.OK or attacked.value is None:
        return f"the attacks could not be tried: {attacked.error}"
    got_through: Iterable[str] = ast.literal_eval(attacked.value)
    return f"it does not stop {', '.join(got_through)}" if got_through else ""
