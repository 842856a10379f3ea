"""Attacks on the sandbox: each fails by the wall that was built against it, and another client does not notice.

Every attack runs on every tier that holds here; `test_as_other_users.py` runs this file as other users.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyball.tools.sandbox import Sandbox, Session

from .attacks import ATTACKS, PRELUDE, Attack, seen
from .conftest import SECRET


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary"
    path.write_text("a file of the host")
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o777)  # what keeps the file must be the sandbox, not its mode
    path.chmod(0o666)
    return path


@pytest.fixture
def bound(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket of the host that anybody may write to."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "socket"))
        (tmp_path / "socket").chmod(0o777)
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
async def test_an_attack_fails_and_another_session_works(
    sandbox: Sandbox, session: Session, bystander: Session, canary: Path, bound: socket.socket, attack: Attack
) -> None:
    if sandbox.tier not in attack.tiers:
        pytest.skip(f"tier {sandbox.tier} does not promise to stop it")
    await session.run(PRELUDE)
    facts = {
        "host_pid": os.getpid(),
        "bystander_pid": bystander.pid,
        "secret": SECRET,
        "port": 9,
        "canary": str(canary),
        "bound": bound.getsockname(),
    }

    as_it_was = (canary.stat().st_mode & 0o777, canary.stat().st_mtime_ns)

    result = await session.run(attack.code.format(**facts), timeout=attack.timeout)

    assert attack.status in (result.status, "any"), seen(result)
    assert re.search(attack.error, result.error or ""), seen(result)
    assert attack.status != "ok" or result.value == attack.value, seen(result)
    assert result.session_lost or not attack.lost, seen(result)
    assert canary.read_text() == "a file of the host"
    assert (canary.stat().st_mode & 0o777, canary.stat().st_mtime_ns) == as_it_was
    with pytest.raises(BlockingIOError):
        bound.recv(1)
    assert (await bystander.run("x + 1")).value == "42"
