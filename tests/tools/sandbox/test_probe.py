"""A tier is offered only where it holds, and where none does the reason and the remedy are told."""

from __future__ import annotations

from flyball.tools.sandbox import SandboxConfig, best_tier, open_sandbox, probe

from .conftest import TIERS


async def test_the_best_tier_is_the_first_that_holds() -> None:
    assert await best_tier() is TIERS[0]


async def test_a_tier_that_holds_says_so() -> None:
    assert str(await probe(TIERS[0])) == f"tier {TIERS[0]}: holds"


async def test_an_open_sandbox_stands_on_the_tier_that_was_asked_for() -> None:
    async with await open_sandbox(SandboxConfig(tier=TIERS[-1], preload=())) as sandbox:
        assert sandbox.tier is TIERS[-1]
        assert (await (await sandbox.create()).run("1 + 1")).value == "2"
