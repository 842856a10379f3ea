"""What ours is compared with: a process per call, one in bubblewrap per call, a Jupyter kernel per session."""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

from .timing import p50_ms, p99_ms, timed

_CALL = "print(1 + 1)"
_CALL_WITH_MODULES = "import numpy, sympy; print(1 + 1)"


async def measure_process(calls: int) -> dict[str, float]:
    """A plain Python process per call: no wall at all."""
    return await _per_call([], calls)


async def measure_bubblewrap(calls: int) -> dict[str, float] | None:
    """A Python process in bubblewrap per call; None where it is not installed or may not make namespaces."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    walls = ["--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--tmpfs", "/tmp"]
    prefix = [program, *walls, "--ro-bind", sys.prefix, sys.prefix]  # it may live below /tmp
    if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode != 0:  # noqa: ASYNC221
        return None
    return await _per_call(prefix, calls)


async def measure_jupyter(python: Path, kernels: int) -> dict[str, float]:
    """Kernels of ipykernel, as its client starts and asks them."""
    script = Path(__file__).with_name("jupyter_kernel.py")
    process = await asyncio.create_subprocess_exec(
        str(python), str(script), str(kernels), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    printed, _ = await process.communicate()
    figures: dict[str, float] = json.loads(printed)
    return figures


async def _per_call(prefix: list[str], calls: int) -> dict[str, float]:
    """Figures of calls that share nothing: each is a fresh session."""
    bare = [await timed(lambda: _run(prefix, _CALL)) for _ in range(calls)]
    loaded = [await timed(lambda: _run(prefix, _CALL_WITH_MODULES)) for _ in range(max(3, calls // 10))]

    async def one_after_the_other() -> None:
        for _ in range(calls // 4):
            await _run(prefix, _CALL)

    seconds = await timed(lambda: asyncio.gather(*(one_after_the_other() for _ in range(4))))
    return {
        "create_p50_ms": p50_ms(bare),
        "create_p99_ms": p99_ms(bare),
        "create_with_modules_p50_ms": p50_ms(loaded),
        "fresh_per_minute_4_at_once": calls // 4 * 4 / seconds * 60,
    }


async def _run(prefix: list[str], code: str) -> None:
    process = await asyncio.create_subprocess_exec(*prefix, sys.executable, "-I", "-c", code, stdout=subprocess.PIPE)
    printed, _ = await process.communicate()
    assert printed == b"2\n", printed
