"""Servers to connect to."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "js"
CACHE = Path(__file__).resolve().parents[3] / ".cache" / "js"


@pytest.fixture(scope="session")
def everything() -> Path:
    """The protocol's reference server, installed once for one lock file."""
    if shutil.which("npm") is None:
        assert "CI" not in os.environ, "node and npm are needed"
        pytest.skip("node and npm are not installed")
    folder = CACHE / hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder / name)
    if not (folder / "node_modules" / ".package-lock.json").exists():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=110)
    return folder / "node_modules" / "@modelcontextprotocol" / "server-everything" / "dist" / "index.js"
