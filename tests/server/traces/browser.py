"""A real browser, without a window."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Browser:
    """Chromium or Chrome; tests are skipped without one, but fail in CI."""

    def __init__(self, home: Path) -> None:
        program = next(filter(None, map(shutil.which, _NAMES)), None)
        if program is None:
            absent = f"no browser: install one of {', '.join(_NAMES)}"
            pytest.fail(absent) if os.environ.get("CI") else pytest.skip(absent)
        self._home = home
        self._command = [
            str(program),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            f"--user-data-dir={home / 'profile'}",
        ]

    def dom(self, page: Path) -> str:
        """The document as the browser holds it after loading."""
        return self._run("--dump-dom", page.as_uri())

    def screenshot(self, page: Path) -> Path:
        """A picture of its beginning."""
        picture = self._home / "page.png"
        self._run("--window-size=1250,1600", f"--screenshot={picture}", page.as_uri())
        return picture

    def _run(self, *words: str) -> str:
        done = subprocess.run([*self._command, *words], capture_output=True, text=True, timeout=100, check=True)
        return done.stdout
