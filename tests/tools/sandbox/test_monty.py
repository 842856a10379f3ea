"""Tier Monty: a part of Python, kept in by an interpreter of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from flyball.core.errors import SandboxError
from flyball.tools.python_tool import PythonTool
from flyball.tools.result import Status
from flyball.tools.sandbox import Limits, SandboxConfig, Sessions, Tier, best_tier
from flyball.tools.sandbox.monty import MontyBackend, MontySession
from flyball.tools.tool import CallContext

from .endless import endless_cell

CONFIG = SandboxConfig(
    max_sessions=3, start_seconds=10, limits=Limits(memory_mib=32, output_chars=2000, value_chars=1000)
)


@pytest_asyncio.fixture(scope="module")
async def backend() -> AsyncIterator[MontyBackend]:
    started = await MontyBackend.start(CONFIG)
    yield started
    await started.close()


@pytest_asyncio.fixture
async def session(backend: MontyBackend) -> AsyncIterator[MontySession]:
    made = await backend.create()
    yield made
    await made.close()


async def test_the_tier_holds_where_its_package_is_installed() -> None:
    assert await best_tier(SandboxConfig(tier=Tier.MONTY)) is Tier.MONTY


async def test_variables_stay_from_cell_to_cell(session: MontySession) -> None:
    first = await session.run("x = 6\nprint('out')")
    second = await session.run("x * 7")

    assert (first.status, first.stdout, first.value) == (Status.OK, "out\n", None)
    assert (second.status, second.value, second.session_lost) == (Status.OK, "42", False)


async def test_an_error_has_its_traceback(session: MontySession) -> None:
    result = await session.run("def f():\n    return 1 / 0\nf()")

    assert result.status is Status.USER_ERROR
    assert result.error is not None
    assert "return 1 / 0" in result.error
    assert result.error.endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    "code",
    [
        "open({canary!r}).read()",
        "open({canary!r}, 'w')",
        "import os\nos.listdir('/')",
        "import os\nos.environ['PATH']",
        "import os\nos.remove({canary!r})",
        "import subprocess",
        "import socket",
        "import ctypes",
        "__import__('os').system('true')",
        "().__class__.__base__.__subclasses__()",
        "[0] * 10**9",
        "'x' * 10**10",
        "def f(): return f()\nf()",
        "2 ** 10**9",
    ],
)
async def test_an_attack_fails_and_another_session_works(
    backend: MontyBackend, session: MontySession, tmp_path: Path, code: str
) -> None:
    canary = tmp_path / "canary"
    canary.write_text("a file of the host")
    bystander = await backend.create()

    result = await session.run(code.format(canary=str(canary)), 5)

    assert result.status in (Status.USER_ERROR, Status.OOM, Status.TIMEOUT), result
    assert canary.read_text() == "a file of the host"
    assert (await bystander.run("41 + 1")).value == "42"
    await bystander.close()


async def test_a_cell_that_is_late_costs_its_session(session: MontySession) -> None:
    result = await session.run("while True: pass", 0.2)

    assert (result.status, result.session_lost) == (Status.TIMEOUT, True)
    with pytest.raises(SandboxError):
        await session.run("1")


async def test_a_dead_worker_is_no_fault_of_the_cell(session: MontySession) -> None:
    pid = session.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    result = await session.run("1")

    assert (result.status, result.session_lost) == (Status.INFRA, True)


async def test_output_is_heard_as_it_comes_and_cut_in_the_middle(session: MontySession) -> None:
    heard: list[str] = []
    result = await session.run("for n in range(1000): print('line', n)", 5, lambda stream, text: heard.append(text))
    await asyncio.sleep(0)

    assert "".join(heard).startswith("line 0\nline 1\n")
    assert "characters cut ...]" in result.stdout
    assert result.stdout.endswith("line 999\n")
    assert len(result.stdout) < 2100


@pytest.mark.parametrize("code", ["10 ** 5000", "x = []\nfor i in range(20000):\n    x = [x]\nx"])
async def test_a_value_that_python_cannot_show_harms_nobody(session: MontySession, code: str) -> None:
    result = await session.run(code, 10)

    assert result.status is Status.OK
    assert "cannot be shown" in (result.value or "")


async def test_cancelling_a_cell_ends_its_session(session: MontySession) -> None:
    cell = await endless_cell(session)
    cell.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cell

    assert not session.alive


async def test_the_tool_tells_the_model_that_this_is_a_part_of_python(backend: MontyBackend) -> None:
    sessions = Sessions(backend)
    tool = PythonTool(sessions)
    result = await tool.call({"code": "import numpy"}, CallContext("a"))
    await sessions.close_all()

    assert "part of Python" in tool.spec.description
    assert "no numpy" in tool.spec.description
    assert "ModuleNotFoundError" in result.text
