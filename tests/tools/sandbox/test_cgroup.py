"""A cgroup is used where the operator names one, and only if it holds.

No cgroup v2 with memory and pids can be had on every machine that runs these tests: a folder stands for one that takes
every setting and enforces nothing. Where FLYBALL_TEST_CGROUP names a real one, it is tried, too.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from flyball.core.errors import SandboxError
from flyball.tools.sandbox import Sandbox, SandboxConfig, Status
from flyball.tools.sandbox.cgroup import Cgroup, proven

from .conftest import TIERS

REAL = os.environ.get("FLYBALL_TEST_CGROUP")


def test_a_group_is_given_its_bounds_before_it_takes_a_process(tmp_path: Path) -> None:
    group = Cgroup(tmp_path, "sessions", 100 << 20, 70)
    group.take(17)

    [folder] = tmp_path.glob("sessions-*")
    settings = {path.name: path.read_text() for path in folder.iterdir()}
    assert settings == {
        "memory.max": str(100 << 20),
        "pids.max": "70",
        "cpu.weight": "50",
        "cgroup.procs": "17",
    }
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


def test_a_group_is_removed_once_nothing_is_in_it(tmp_path: Path) -> None:
    """The settings' files stand for processes here: in a real group they are no obstacle."""
    group = Cgroup(tmp_path, "sessions", 1 << 20, 1)
    group.remove(seconds=0.03)
    [folder] = tmp_path.glob("sessions-*")

    for setting in folder.iterdir():
        setting.unlink()
    group.remove()
    assert not folder.exists()


def test_a_group_that_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="does not keep a process to its number of threads"):
        proven(tmp_path, 1 << 30, 100)


def test_a_group_that_takes_no_setting_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a controller is missing."""
    monkeypatch.setattr(Cgroup, "_set", refuse)
    with pytest.raises(SandboxError, match="cannot be divided"):
        proven(tmp_path, 1 << 30, 100)

    assert [path.name for path in tmp_path.iterdir()] == ["cgroup.subtree_control"]


def refuse(group: Cgroup, settings: object) -> None:
    raise PermissionError(1, "no such setting")


def test_a_folder_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="cannot be divided"):
        proven(tmp_path / "missing", 1 << 30, 100)


async def test_a_sandbox_does_not_start_on_a_group_that_holds_nothing(tmp_path: Path) -> None:
    """Nobody is to believe in a bound that is not there."""
    sandbox = Sandbox(TIERS[0], SandboxConfig(preload=(), cgroup=tmp_path))
    with pytest.raises(SandboxError, match="does not keep"):
        await sandbox.start()

    assert sandbox.zygote_pid is None
    await sandbox.close()


async def test_without_a_group_the_watch_alone_bounds_the_sessions(sandbox: Sandbox) -> None:
    assert sandbox.bounded_by == "watch"


@pytest.mark.skipif(REAL is None, reason="needs a cgroup v2 to divide, named by FLYBALL_TEST_CGROUP")
async def test_the_kernel_keeps_all_sessions_to_their_memory() -> None:
    config = replace(SandboxConfig(preload=()), cgroup=Path(REAL or ""), memory_mib=150)
    async with Sandbox(TIERS[0], config) as sandbox:
        bounded_by = sandbox.bounded_by
        result = await (await sandbox.create()).run("kept = bytearray(300 << 20)\nwhile True: pass", 20)

    assert (bounded_by, result.status) == ("cgroup", Status.OOM)
