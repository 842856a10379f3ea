"""A PostgreSQL of the tests' own, which may be stopped and started again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest


class Postgres:
    """A server in a temporary folder, reached by a socket in it."""

    def __init__(self) -> None:
        self._bin = _binaries()
        self._home = Path(tempfile.mkdtemp(prefix="flyball-postgres-"))
        if os.geteuid() == 0:
            shutil.chown(self._home, "postgres")
        self.url = f"postgresql+psycopg://postgres@/postgres?host={self._home}"
        self._run("initdb", "-D", self._home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8")

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        options = f"-c listen_addresses='' -c fsync=off -k {self._home}"
        self._run("pg_ctl", *self._data, "-l", self._home / "log", "-o", options, "-w", "-t", "30", "start")

    def stop(self) -> None:
        """Stop at once, whoever is connected."""
        self._run("pg_ctl", *self._data, "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        """Remove the stopped server's folder."""
        shutil.rmtree(self._home)

    @property
    def _data(self) -> tuple[str | Path, ...]:
        return "-D", self._home / "data"

    def _run(self, program: str, *words: str | Path) -> None:
        """PostgreSQL refuses to run as root."""
        command = [str(self._bin / program), *map(str, words)]
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*as_user, *command], check=True, stdout=subprocess.DEVNULL, timeout=60, cwd=self._home)


def _binaries() -> Path:
    """Where PostgreSQL is; without it tests are skipped, but fail in CI."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        absent = "no PostgreSQL: set FLYBALL_TEST_POSTGRES or install the server"
        pytest.fail(absent) if os.environ.get("CI") else pytest.skip(absent)
    return binaries[-1]
