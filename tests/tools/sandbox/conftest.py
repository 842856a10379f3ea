"""Sandboxes for the tests: one for each tier that holds on this system, started once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from flyball.tools.sandbox import Limits, Sandbox, SandboxConfig, Session, Tier, probe

SECRET = "the-server-keeps-this-to-itself"
CONFIG = SandboxConfig(
    preload=("numpy", "matplotlib.pyplot"),
    limits=Limits(
        memory_mib=256,
        disk_mib=8,
        files=200,
        threads=16,
        descriptors=40,
        output_chars=2000,
        value_chars=1000,
        images=3,
    ),
    grace_seconds=0.3,
)


def holding() -> list[Tier]:
    """The tiers that hold here for this user."""
    wanted = [Tier(name) for name in os.environ.get("FLYBALL_TEST_TIERS", "A,A',B").split(",")]

    async def probed() -> list[Tier]:
        return [tier for tier in wanted if (await probe(tier)).holds]

    return asyncio.run(probed())


TIERS = holding()


def pytest_report_header() -> str:
    return f"sandbox tiers that hold here: {', '.join(TIERS) or 'none'} (as user {os.geteuid()})"


@pytest_asyncio.fixture(scope="session", params=TIERS)
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    os.environ["FLYBALL_TEST_SECRET"] = SECRET
    async with Sandbox(request.param, CONFIG) as started:
        yield started
    del os.environ["FLYBALL_TEST_SECRET"]


@pytest_asyncio.fixture
async def session(sandbox: Sandbox) -> AsyncIterator[Session]:
    made = await sandbox.create()
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="session")
async def bystander(sandbox: Sandbox) -> AsyncIterator[Session]:
    """Another client's session, which no attack may disturb."""
    made = await sandbox.create()
    assert (await made.run("x = 41")).status == "ok"
    yield made
    await made.close()
