"""What goes wrong below a tool, through the whole loop: the model gets a clear result and answers, the next call works, nothing is left."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvicorn

from flyball.tools.sandbox import Sandbox, SandboxConfig, best_tier
from flyball.tools.sandbox.sessions import Sessions
from tests.tools.sandbox.e2b.service import KEY, Service

from .scripted_model import AFTER_RESULT, ANSWER
from .serving import CHAT, PATIENCE, Served, asking, serving

FILE = Path(__file__).with_name("faulty_tools.py")
AWKWARD = Path(__file__).parents[1] / "tools" / "mcp" / "awkward.py"
ODD = {"name": "odd", "command": sys.executable, "args": ["-I", str(AWKWARD)], "connect_timeout_s": 60}
LOOP = "run:\nprint('begun', flush=True)\nwhile True: pass"
GOOD = "run:\n6 * 7"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    tools = {"files": [str(FILE)], "python": {"preload": []}, "mcp": {"stdio": [ODD]}}
    before = set(psutil.Process().children(recursive=True))
    with serving(tools=tools) as served:
        yield served
    after = set(psutil.Process().children(recursive=True)) - before
    _, alive = psutil.wait_procs(after, timeout=PATIENCE)
    assert alive == [], "processes were left"


@pytest.fixture(autouse=True)
def nothing_left(served: Served) -> Iterator[None]:
    yield
    served.until_idle()
    assert len(served.service.toolbox.sessions) == 0
    assert len(python_of(served)) == 0


def python_of(served: Served) -> Sessions:
    python = served.service.toolbox.python
    assert python is not None and python.sessions is not None
    return python.sessions


def told(served: Served, question: str, tool: str) -> tuple[str, str]:
    """Status and text of the only result, after which the model has answered."""
    return result_of(served.chat(question, flyball={"tools": [tool], "events": True}))


def result_of(body: dict[str, Any]) -> tuple[str, str]:
    (result,) = [event for event in body["flyball"]["events"] if event["type"] == "tool_result"]
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["content"] in (ANSWER, AFTER_RESULT)
    assert result["text"].strip() in choice["message"]["reasoning"]
    return result["status"], result["text"]


def while_it_runs(served: Served, question: str, tool: str, runs: Callable[[], bool], fault: Callable[[], None]) -> Any:
    """The result of a call to which something happens in its middle."""
    asked = asking(question, flyball={"tools": [tool], "events": True})
    with ThreadPoolExecutor(1) as threads:
        answer: Future[Any] = threads.submit(served.post, CHAT, asked)
        served.until(runs)
        fault()
        response = answer.result(PATIENCE)
    assert response.status_code == 200, response.text
    return result_of(response.json())


# -- the sandbox -------------------------------------------------------------------------------------------------------


def sandbox_of(served: Served) -> Sandbox:
    backend = python_of(served).backend
    if not isinstance(backend, Sandbox):
        pytest.skip("the tier in use has no processes of this kind")
    return backend


def busy(sandbox: Sandbox) -> psutil.Process | None:
    """The session's process, once its cell takes processor time."""
    below = psutil.Process(sandbox.zygote_pid).children(recursive=True)
    return next((each for each in below if each.is_running() and each.cpu_times().user > 0.1), None)


def test_when_the_zygote_is_killed_mid_cell_the_model_is_told_and_the_next_call_works(served: Served) -> None:
    sandbox = sandbox_of(served)
    zygote = psutil.Process(sandbox.zygote_pid)
    status, text = while_it_runs(served, LOOP, "python", lambda: busy(sandbox) is not None, zygote.kill)

    assert status in ("infra", "user_error")  # what ends code from outside looks like the code's own doing
    assert "begun" in text
    assert "variables are lost" in text
    assert told(served, GOOD, "python") == ("ok", "42")
    assert sandbox.zygote_pid != zygote.pid


def test_when_a_session_is_killed_mid_cell_the_model_is_told_and_the_next_call_works(served: Served) -> None:
    sandbox = sandbox_of(served)
    zygote = sandbox.zygote_pid

    def kill() -> None:
        session = busy(sandbox)
        assert session is not None
        session.kill()

    status, text = while_it_runs(served, LOOP, "python", lambda: busy(sandbox) is not None, kill)

    assert status == "oom"  # a SIGKILL that is none of ours is what the kernel sends where memory has run out
    assert "begun" in text
    assert "variables are lost" in text
    assert told(served, GOOD, "python") == ("ok", "42")
    assert sandbox.zygote_pid == zygote


# -- MCP servers -------------------------------------------------------------------------------------------------------


def servers() -> list[psutil.Process]:
    """The awkward servers' own processes, without their launchers."""
    below = psutil.Process().children(recursive=True)
    return [
        each for each in below if each.cmdline()[-1:] == [str(AWKWARD)] and "launcher.py" not in str(each.cmdline())
    ]


def test_when_an_mcp_server_is_killed_mid_call_the_model_is_told_and_the_next_call_works(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    (server,) = servers()
    with caplog.at_level("INFO", logger="flyball.mcp.odd"):
        result = while_it_runs(served, "weather", "odd__hang", lambda: "hanging" in caplog.text, server.kill)

    assert result == ("infra", "The server went away during the call.")
    assert told(served, "weather", "odd__echo") == ("ok", "{}")


# -- tools of the operator's own ---------------------------------------------------------------------------------------


def module() -> Any:
    return next(module for name, module in sys.modules.items() if name.startswith("flyball_tools_faulty_tools"))


@pytest.mark.parametrize(
    ("tool", "fault", "status", "says"),
    [
        ("asks", "raises", "infra", "The tool 'asks' failed. This was not caused by your call."),
        ("asks", "exits", "infra", "The tool 'asks' failed. This was not caused by your call."),
        ("asks", "hangs", "timeout", "'asks' was stopped: it was still running after"),
        ("asks", "is_deaf", "timeout", "'asks' was stopped: it was still running after"),
        ("blocks", "stands", "timeout", "'blocks' was stopped: it was still running after"),
    ],
)
def test_of_a_tool_that_goes_wrong_the_model_is_told_and_the_next_call_works(
    served: Served, tool: str, fault: str, status: str, says: str
) -> None:
    faulty = module()
    faulty.OUT.clear()
    faulty.NEXT.append(getattr(faulty, fault))
    try:
        got = told(served, "weather", tool)
        again = told(served, "weather", tool)
    finally:
        faulty.OUT.set()

    assert got[0] == status
    assert got[1].startswith(says)
    assert "sk-of-the-operator" not in got[1]
    assert again == ("ok", "sun in Paris")


def test_a_tool_that_swallows_its_cancellation_holds_no_client_that_leaves(served: Served) -> None:
    faulty = module()
    faulty.OUT.clear()
    faulty.NEXT.append(faulty.is_deaf)
    try:
        asked = asking("weather", stream=True, flyball={"tools": ["asks"], "events": True})
        with served.http.stream("POST", CHAT, json=asked) as response:
            next(line for line in response.iter_lines() if "tool_call" in line)
        served.until_idle()
    finally:
        faulty.OUT.set()


# -- e2b ---------------------------------------------------------------------------------------------------------------


class E2b:
    """A service that speaks e2b's protocol, in a thread of its own."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))
        self._thread.start()
        assert self._ready.wait(PATIENCE)

    async def _serve(self) -> None:
        async with Sandbox(await best_tier(), SandboxConfig(preload=())) as sandbox:
            self.service = Service(sandbox)
            self._server = uvicorn.Server(uvicorn.Config(self.service.app(), log_level="error", lifespan="off"))
            with socket.socket() as listening:
                listening.bind(("127.0.0.1", 0))
                self.address = f"http://127.0.0.1:{listening.getsockname()[1]}"
                self._ready.set()
                await self._server.serve([listening])

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE)


@pytest.fixture(scope="module")
def e2b() -> Iterator[E2b]:
    started = E2b()
    yield started
    started.close()


@pytest.fixture(scope="module")
def rented(e2b: E2b) -> Iterator[Served]:
    """A server whose sandbox is e2b's."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"URL": e2b.address, "KEY": KEY}.items():
            patch.setenv(f"E2B_API_{name}", value)
        patch.setenv("E2B_SANDBOX_URL", e2b.address)
        with serving(tools={"python": {"tier": "e2b", "e2b": {"machines": 1}}}) as served:
            yield served
    assert e2b.service.machines == {}, "machines were left"


@pytest.mark.parametrize("status", [429, 503])
def test_when_e2b_is_busy_the_model_is_told_and_the_next_call_works(e2b: E2b, rented: Served, status: int) -> None:
    e2b.service.failures += [status] * 100
    got = told(rented, GOOD, "python")
    e2b.service.failures.clear()

    assert got[0] == "infra"
    assert "renting a machine failed" in got[1]
    assert told(rented, GOOD, "python") == ("ok", "42")
