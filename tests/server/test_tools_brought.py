"""MCP servers that requests bring along: only where the operator allows it, and nobody gets another's connection."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flyball.core.errors import ConfigError
from flyball.server.config import load_config
from flyball.server.traces.reader import TraceReader

from .serving import CHAT, PATIENCE, Served, asking, serving
from .test_tool_choice import told

MODERN = Path(__file__).parents[1] / "tools" / "mcp" / "modern.py"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A real MCP server over streamable HTTP."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, str(MODERN), str(port)], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 3 * PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.05)  # nothing of a process that starts can be waited for but its port
        yield f"http://127.0.0.1:{port}"
        process.kill()


@pytest.fixture(scope="module")
def open_one(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that lets clients bring servers of this address along."""
    url = f"sqlite:///{tmp_path_factory.mktemp('traces') / 'traces.sqlite'}"
    with serving(
        tools={"mcp": {"request_urls": [f"{address}/mcp"]}},
        server={"api_keys": ["sk-one", "sk-two"]},
        traces={"url": url},
    ) as served:
        served.http.headers["authorization"] = "Bearer sk-one"
        yield served


def bringing(url: str, **more: Any) -> dict[str, Any]:
    return {"mcp": [{"name": "mine", "url": url, **more}], "events": True}


def test_its_tools_are_told_and_called(open_one: Served, address: str) -> None:
    body = open_one.chat("weather", flyball=bringing(f"{address}/mcp", tools=["echo"]))

    assert told(open_one, body) == ["mine__echo"]
    call, result = body["flyball"]["events"]
    assert (call["name"], result["status"], result["text"]) == ("mine__echo", "ok", "Paris")


def test_they_stand_beside_tools_of_the_server(open_one: Served, address: str) -> None:
    body = open_one.chat("hello", flyball=bringing(f"{address}/mcp", tools=["echo"]) | {"tools": ["search"]})

    assert told(open_one, body) == ["search", "mine__echo"]


def test_a_connection_is_kept_for_its_client_and_is_nobody_elses(open_one: Served, address: str) -> None:
    lent = open_one.service.toolbox.lent
    before = len(lent)
    block = bringing(f"{address}/mcp", headers={"x-key": "k"})
    for key in ("sk-one", "sk-one", "sk-two"):
        response = open_one.http.post(
            CHAT, json=asking("hello", flyball=block), headers={"authorization": f"Bearer {key}"}
        )
        assert response.status_code == 200, response.text

    assert len(lent) == before + 2


def test_headers_are_not_traced(address: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'traces.sqlite'}"
    with serving(tools={"mcp": {"request_urls": [f"{address}/"]}}, traces={"url": url}) as served:
        id = served.chat("hello", flyball=bringing(f"{address}/mcp", headers={"x-key": "sk-of-the-client"}))["id"]
    with TraceReader(url) as reader:
        episode = reader.episode(id)
    assert episode is not None and episode.flyball is not None
    assert episode.flyball["mcp"] == [{"name": "mine", "url": f"{address}/mcp"}]
    assert "sk-of-the-client" not in (tmp_path / "traces.sqlite").read_bytes().decode(errors="replace")


@pytest.mark.parametrize(
    "path", ["/other", "/mcp/../admin", "/mcp/%2e%2e/admin", "/mcpx", "/mcp?next=x", "/mcp//x", "/mcp\\x", ":99/mcp"]
)
def test_other_addresses_are_refused(open_one: Served, address: str, path: str) -> None:
    error = open_one.error(flyball=bringing(f"{address}{path}"))

    assert error["param"] == "flyball.mcp"


def test_other_hosts_and_schemes_are_refused(open_one: Served, address: str) -> None:
    port = address.rpartition(":")[2]
    for url in (
        f"http://localhost:{port}/mcp",
        f"https://127.0.0.1:{port}/mcp",
        f"http://u@127.0.0.1:{port}/mcp",
        "file:///mcp",
        "http://[/mcp",
    ):
        assert open_one.error(flyball=bringing(url))["param"] == "flyball.mcp"


def test_without_the_operators_leave_none_is_connected_to(served: Served, address: str) -> None:
    error = served.error(flyball=bringing(f"{address}/mcp"))

    assert "no MCP servers that requests bring along" in error["message"]


def test_a_server_that_cannot_be_reached_is_said_to_the_client() -> None:
    with serving(tools={"mcp": {"request_urls": ["http://127.0.0.1:1/"]}}) as served:
        error = served.error(flyball=bringing("http://127.0.0.1:1/mcp"))
        assert len(served.service.toolbox.lent) == 0

    assert "'mine' cannot be reached" in error["message"]


def test_a_connection_that_nobody_uses_is_left(address: str) -> None:
    with serving(tools={"mcp": {"request_urls": [f"{address}/"]}, "idle_seconds": 0.05}) as served:
        served.chat("hello", flyball=bringing(f"{address}/mcp"))
        served.until(lambda: len(served.service.toolbox.lent) == 0)


def test_variables_of_the_environment_are_not_for_clients(open_one: Served, address: str) -> None:
    error = open_one.error(flyball=bringing(f"{address}/mcp", headers_env={"x": "HOME"}))

    assert "headers_env" in error["param"]


def test_no_header_leads_to_another_host_behind_an_allowed_address(open_one: Served, address: str) -> None:
    error = open_one.error(flyball=bringing(f"{address}/mcp", headers={"Host": "inner.example"}))

    assert "host is not the client's to set" in error["message"]


def test_an_allowed_address_that_is_none_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="request_urls"):
        load_config(None, {"tools": {"mcp": {"request_urls": ["wiki.example"]}}})
