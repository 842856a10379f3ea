"""A cgroup is used where the operator names one, and only if it holds.

No cgroup v2 with memory and pids can be had on every machine that runs these tests: a folder stands for one that takes
every setting and enforces nothing. A real one is tried where there is one, or FLYBALL_TEST_CGROUP names it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
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


# -- where there is a real one -----------------------------------------------------------------------------------------

_NEEDED = {"cpu", "memory", "pids"}


def divided() -> Path | str:
    """A folder to divide: the one that the environment names, or below this process's own; else why there is none."""
    if REAL is not None:
        return Path(REAL)
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    mounted = next((Path(fields[1]) for fields in mounts if fields[2] == "cgroup2"), None)
    groups = Path("/proc/self/cgroup").read_text().splitlines()
    own = next((line.removeprefix("0::/") for line in groups if line.startswith("0::")), None)
    if mounted is None or own is None:
        return "no cgroup v2 is mounted"
    for file, why in (
        ("cgroup.controllers", "has not got (version 1 may hold them)"),
        ("cgroup.subtree_control", "gives no child"),
    ):
        if missing := _NEEDED - set((mounted / own / file).read_text().split()):
            return f"this process's cgroup {mounted / own} {why}: {', '.join(sorted(missing))}"
    try:
        return Path(tempfile.mkdtemp(prefix="flyball-test-", dir=mounted / own))
    except OSError as error:
        return f"no group can be made below {mounted / own}: {error}"


@pytest.fixture
def delegated() -> Iterator[Path]:
    folder = divided()
    if isinstance(folder, str):
        pytest.skip(f"{folder}; FLYBALL_TEST_CGROUP may name one")
    yield folder
    if REAL is None:
        folder.rmdir()


async def test_the_kernel_keeps_all_sessions_to_their_memory(delegated: Path) -> None:
    config = replace(SandboxConfig(preload=()), cgroup=delegated, memory_mib=150)
    async with Sandbox(TIERS[0], config) as sandbox:
        bounded_by = sandbox.bounded_by
        result = await (await sandbox.create()).run("kept = bytearray(300 << 20)\nwhile True: pass", 20)
        honest = await (await sandbox.create()).run("6 * 7")

    assert (bounded_by, result.status) == ("cgroup", Status.OOM)
    assert honest.value == "42"
    assert not list(delegated.glob("sessions-*"))
