"""How a sandbox of each tier is started. What a tier needs is imported with it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from functools import partial

from ...core.errors import SandboxError
from .backend import Backend
from .config import SandboxConfig
from .tiers import Tier

Opener = Callable[[SandboxConfig], Awaitable[Backend]]
"""Starts a sandbox, which is not proven to hold yet. Errors: SandboxError where it does not start."""


async def _open_e2b(config: SandboxConfig) -> Backend:
    if config.e2b.api_key is None:
        raise SandboxError("E2B_API_KEY is not set")
    try:
        from .e2b.backend import E2bBackend
    except ImportError as error:
        raise SandboxError(f"the package e2b-code-interpreter does not load: {error}") from error
    return await E2bBackend.start(config)


async def _open_local(tier: Tier, config: SandboxConfig) -> Backend:
    if sys.platform != "linux":
        raise SandboxError(f"it needs Linux, and this is {sys.platform}")
    from .sandbox import Sandbox

    sandbox = Sandbox(tier, config)
    await sandbox.start()
    return sandbox


async def _open_monty(config: SandboxConfig) -> Backend:
    from .monty import MontyBackend

    return await MontyBackend.start(config)


OPENERS: dict[Tier, Opener] = {
    Tier.E2B: _open_e2b,
    Tier.A: partial(_open_local, Tier.A),
    Tier.BUBBLEWRAP: partial(_open_local, Tier.BUBBLEWRAP),
    Tier.B: partial(_open_local, Tier.B),
    Tier.MONTY: _open_monty,
}
