"""Tier A': what bubblewrap is told to show, and to whom it is not offered. What it keeps in, the attacks show."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from flyball.core.errors import SandboxError
from flyball.tools.sandbox.bubblewrap import in_bubblewrap

from .as_user import ROOT


def bound(command: list[str]) -> set[str]:
    return {command[at + 1] for at, word in enumerate(command) if word == "--ro-bind"}


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user that is not root, for whom bubblewrap is installed."""
    program = tmp_path / "bwrap"
    program.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.mark.usefixtures("plain")
def test_it_shows_libraries_this_python_and_our_package_only() -> None:
    shown = bound(in_bubblewrap(str(ROOT)))

    assert os.path.realpath(sys.executable) in shown
    assert f"{sys.prefix}/lib" in shown
    assert {str(ROOT / "flyball"), str(ROOT / "tools")} <= shown
    assert not shown & {"/", "/usr", "/etc", "/home", "/root", str(ROOT), sys.prefix}


@pytest.mark.usefixtures("plain")
def test_every_namespace_is_left_and_nothing_can_be_written() -> None:
    command = in_bubblewrap(str(ROOT))

    assert {"--unshare-all", "--die-with-parent", "--remount-ro"} <= set(command)
    assert not {"--bind", "--share-net"} & set(command)


def test_it_is_not_for_root(monkeypatch: pytest.MonkeyPatch, plain: None) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(SandboxError, match="other users than root"):
        in_bubblewrap(str(ROOT))


def test_where_it_is_not_installed_that_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="not installed"):
        in_bubblewrap(str(ROOT))
