"""Virtual environments of the two proxies that Flyball is compared with."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

_TORCH_CPU = "https://download.pytorch.org/whl/cpu"


def install(names: Iterable[str], cache: Path, requirements: Path) -> None:
    """Make what is missing, from the pinned files. A second call finds everything in place."""
    for name in names:
        venv, pinned = cache / name, requirements / f"bench-{name}.txt"
        stamp = venv / "installed.txt"
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == pinned.read_text(encoding="utf-8"):
            continue
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        _pip_install(venv / "bin" / "python", pinned)
        stamp.write_text(pinned.read_text(encoding="utf-8"), encoding="utf-8")


def _pip_install(python: Path, pinned: Path) -> None:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    command += ["-r", str(pinned)]
    # The CPU build of torch has its own index; where one is configured already, that is used.
    if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode:
        subprocess.run([*command, "--extra-index-url", _TORCH_CPU], check=True)
