"""Tools of MCP servers, behind plain requests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from flyball.core.errors import ConfigError
from flyball.server.app import build_app
from flyball.server.config import Config

from .scripted_model import AFTER_RESULT
from .serving import PATIENCE, Served, serving

TIME = {"name": "time", "command": str(Path(sys.executable).with_name("mcp-server-time")), "connect_timeout_s": 60}
AWKWARD = Path(__file__).parents[1] / "tools" / "mcp" / "awkward.py"
EXECUTE = "/v1/flyball/tools/execute"


@pytest.fixture(scope="module")
def connected() -> Iterator[Served]:
    away = {"name": "away", "url": "http://127.0.0.1:1/mcp"}
    with serving(tools={"mcp": {"stdio": [TIME | {"args": ["--local-timezone", "UTC"]}], "http": [away]}}) as served:
        yield served


def test_health_says_which_servers_are_connected(connected: Served) -> None:
    assert connected.http.get("/health").json()["tools"] == {
        "offered": 3,
        "mcp": {"time": {"connected": True, "tools": 2}, "away": {"connected": False, "tools": 0}},
    }


def test_their_tools_are_listed_and_called(connected: Served) -> None:
    names = [each["name"] for each in connected.http.get("/v1/flyball/tools").json()["tools"]]
    call = {"tool": "time__get_current_time", "arguments": {"timezone": "Europe/Paris"}}
    (result,) = connected.post(EXECUTE, {"calls": [call]}).json()["results"]

    assert names == ["search", "time__get_current_time", "time__convert_time"]
    assert result["status"] == "ok"
    assert "Europe/Paris" in result["text"]


def test_a_chat_uses_them(connected: Served) -> None:
    body = connected.chat("weather", flyball={"tools": ["time__get_current_time"], "events": True})

    call, result = body["flyball"]["events"]
    assert (call["name"], result["status"]) == ("time__get_current_time", "user_error")  # Paris is no time zone
    assert body["choices"][0]["message"]["content"] == AFTER_RESULT


def test_nothing_of_them_is_left_when_the_server_stops() -> None:
    with serving(tools={"mcp": {"stdio": [TIME | {"args": ["--local-timezone", "Europe/Rome"]}]}}) as served:
        assert served.http.get("/health").json()["tools"]["mcp"]["time"]["connected"]
        programs = _programs("Europe/Rome")
        assert programs
    gone, alive = psutil.wait_procs(programs, timeout=PATIENCE)

    assert alive == [] and gone


def test_a_server_that_dies_is_connected_to_again_and_its_tools_stay() -> None:
    odd = {"name": "odd", "command": sys.executable, "args": ["-I", str(AWKWARD)], "connect_timeout_s": 60}
    with serving(tools={"mcp": {"stdio": [odd]}}) as served:
        before = {each["name"] for each in served.http.get("/v1/flyball/tools").json()["tools"]}
        (server,) = [each for each in _programs(str(AWKWARD)) if "launcher.py" not in " ".join(each.cmdline())]
        server.kill()
        psutil.wait_procs([server], timeout=PATIENCE)
        served.until(lambda: any(each.pid != server.pid for each in _programs(str(AWKWARD))[1:]))
        served.until(lambda: served.service.toolbox.health()["mcp"]["odd"]["connected"])

        assert {each["name"] for each in served.http.get("/v1/flyball/tools").json()["tools"]} == before


def test_a_tool_whose_name_is_taken_is_left_out_and_said_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def time__convert_time(text: str) -> str:\n    return 'mine'\n")
    with serving(tools={"files": [str(file)], "mcp": {"stdio": [TIME]}}) as served:
        listed = [each["name"] for each in served.http.get("/v1/flyball/tools").json()["tools"]]

    assert listed == ["time__convert_time", "search", "time__get_current_time"]
    assert "a tool of mcp is left out" in caplog.text


@pytest.mark.parametrize(
    ("mcp", "said"),
    [
        ({"stdio": [TIME, TIME]}, "same name"),
        ({"stdio": [{"name": "away", "command": "no-such-program-anywhere"}]}, "no program no-such-program-anywhere"),
        ({"stdio": [TIME | {"env_from": ["NO_SUCH_VARIABLE_HERE"]}]}, "NO_SUCH_VARIABLE_HERE"),
    ],
)
def test_servers_that_cannot_be_used_keep_the_server_from_starting(mcp: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        build_app(Config.model_validate({"tools": {"mcp": mcp}}))


def _programs(name: str) -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if name in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found
