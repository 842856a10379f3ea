"""Sessions and zygotes that come to their own end: no signal is needed for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from flyball.tools.sandbox import Limits, Sandbox, SandboxConfig, Session, Status, Tier

from .conftest import TIERS
from .inside import noted

CONFIG = SandboxConfig(
    preload=("numpy", "sympy", "matplotlib.pyplot", "no_such_module"),
    limits=Limits(output_chars=200, value_chars=200, images=2),
    grace_seconds=5,
)
WITH_NOTES = [tier for tier in TIERS if tier is not Tier.BUBBLEWRAP]  # whose root has no place for the notes
CELLS = {
    "import sys\nprint('x' * 500, file=sys.stderr)\nsys.stdout.close()\nprint('out')\n6 * 7": Status.OK,
    "import matplotlib.pyplot as p\nfor n in range(3): p.figure(figsize=(1, 1))\nNone": Status.OK,
    "bytearray(10 << 30)": Status.OOM,
    "class E(Exception):\n    def __str__(self): raise E\nraise E": Status.USER_ERROR,
    "class F(Exception):\n    def __str__(self): raise SystemExit\nraise F": Status.USER_ERROR,
    "try: 1 / 0\nexcept ZeroDivisionError: [][0]": Status.USER_ERROR,
    "x = (1,": Status.USER_ERROR,
    "import sys\nsys.stdout.buffer.write(b'\\xff')\n'\\ud800'": Status.OK,
    "": Status.OK,
}


async def hang_up(session: Session) -> int | None:
    """The wait status of a session whose host has gone."""
    session._connection.close()
    return await asyncio.wait_for(session._process.end, 10)


@pytest.mark.parametrize("tier", WITH_NOTES)
async def test_a_session_ends_well_when_its_host_has_gone(tier: Tier, tmp_path: Path) -> None:
    with noted(tmp_path / "notes"):
        async with Sandbox(tier, CONFIG) as sandbox:
            session = await sandbox.create()
            ended = [(await session.run(code, 30)).status for code in CELLS]
            printing = "import time\nwhile True: print('x' * 50); time.sleep(0.001)"
            ended += [(await session.run(code, 0.2)).status for code in ("while True: pass", printing)]
            missing = sandbox.missing
            status = await hang_up(session)

    assert ended == [*CELLS.values(), Status.TIMEOUT, Status.TIMEOUT]
    assert missing == ("no_such_module",)
    assert status == 0


@pytest.mark.parametrize("tier", WITH_NOTES)
async def test_a_session_whose_reporter_is_broken_ends(tier: Tier, tmp_path: Path) -> None:
    with noted(tmp_path / "notes"):
        async with Sandbox(tier, SandboxConfig(preload=())) as sandbox:
            session = await sandbox.create()
            result = await session.run("import json\njson.dumps = None")

    assert (result.status, result.session_lost) == (Status.USER_ERROR, True)
    assert "status 1" in (result.error or "")
