"""A tier is offered only where it holds, and where none does the reason and the remedy are told."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flyball.tools.sandbox import SandboxConfig, Tier, best_tier, open_sandbox, probe

from .as_user import ROOT
from .conftest import TIERS

HERE = Path(__file__).parent
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}


async def best_where_calls_fail(*calls: str) -> str:
    command = [sys.executable, str(HERE / "in_container.py"), *calls]
    process = await asyncio.create_subprocess_exec(*command, env=ENVIRONMENT, stdout=subprocess.PIPE)
    printed, _ = await asyncio.wait_for(process.communicate(), 60)
    return printed.decode()


async def test_the_best_tier_is_the_first_that_holds() -> None:
    assert await best_tier() is TIERS[0]


async def test_a_tier_that_holds_says_so() -> None:
    assert str(await probe(TIERS[0])) == f"tier {TIERS[0]}: holds"


async def test_an_open_sandbox_stands_on_the_tier_that_was_asked_for() -> None:
    sandbox = await open_sandbox(SandboxConfig(tier=TIERS[-1], preload=()))
    result = await (await sandbox.create()).run("1 + 1")
    await sandbox.close()

    assert (sandbox.tier, result.value) == (TIERS[-1], "2")


@pytest.mark.parametrize("call", ["unshare", "mount"])
async def test_where_namespaces_are_forbidden_tier_a_is_not_taken(call: str) -> None:
    """A container's filter may let one of the calls through that tier A is built with, and refuse the next."""
    printed = await best_where_calls_fail(call)

    if Tier.B in TIERS:
        assert printed == "best: B\n"
    else:
        assert f"tier A: it cannot be built: [Errno 1] {call}" in printed
        assert "user namespaces" in printed


async def test_where_nothing_holds_each_tier_tells_why_and_what_to_do() -> None:
    printed = await best_where_calls_fail("unshare", "landlock_create_ruleset")

    assert "best" not in printed
    assert "tier A: it cannot be built: [Errno 1] unshare: Operation not permitted" in printed
    assert "tier B: it cannot be built: [Errno 1] landlock_create_ruleset: Operation not permitted" in printed
    assert "kernel.apparmor_restrict_unprivileged_userns=0" in printed
    assert "lsm=" in printed


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a root whose Python others cannot read")
async def test_a_tier_in_which_honest_code_fails_does_not_hold() -> None:
    if Tier.B in TIERS:
        pytest.skip("every user can read this Python")
    assert "honest code fails in it: ModuleNotFoundError" in str(await probe(Tier.B))
