"""Search, fetch, web search and models as tools, as a server offers them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flyball.core.errors import ConfigError
from flyball.server.app import build_app
from flyball.server.config import Config, load_config

from .scripted_model import AFTER_RESULT, ANSWER
from .serving import Served, serving
from .test_tools_execute import results

RESULTS = {"results": [{"title": "Ostrel", "url": "https://ostrel.test/", "content": "A town."}]}


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        searched = self.path.startswith("/search")
        body = json.dumps(RESULTS).encode() if searched else b"<main><p>The page of the site.</p></main>"
        self.send_response(200)
        self.send_header("content-type", "application/json" if searched else "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


@contextmanager
def site() -> Iterator[int]:
    """A web server on this machine; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_pocket_corpus_is_searched_by_default(served: Served) -> None:
    (result,) = results(served, {"tool": "search", "arguments": {"query": "smith"}})

    assert result["status"] == "ok"
    assert "The trade is smith" in result["text"] or "a smith" in result["text"]


def test_a_chat_searches(served: Served) -> None:
    body = served.chat("weather", flyball={"tools": ["search"], "events": True})

    assert body["flyball"]["events"][-1]["status"] == "ok"
    assert body["choices"][0]["message"]["content"] == AFTER_RESULT


def test_folders_of_ones_own_are_searched_each_by_a_tool_of_its_own(tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "about.md").write_text(f"# About\n\nThe governor of {name} regulates an engine.\n")
    tools = {
        "search": {"path": str(tmp_path / "ours"), "index": str(tmp_path / "index")},
        "corpora": [{"name": "theirs", "path": str(tmp_path / "theirs"), "index": str(tmp_path / "index2")}],
    }
    with serving(tools=tools) as served:
        ours, theirs = results(
            served,
            {"tool": "search", "arguments": {"query": "governor"}},
            {"tool": "theirs", "arguments": {"query": "governor"}},
        )

    assert "about.md, About: " in ours["text"] and "of ours" in ours["text"]
    assert "of theirs" in theirs["text"]


def test_search_can_be_turned_off() -> None:
    with serving(tools={"search": {"enabled": False}}) as served:
        assert served.http.get("/v1/flyball/tools").json() == {"tools": []}


def test_fetch_and_web_search_are_offered_where_they_are_configured() -> None:
    with site() as port:
        tools = {
            "fetch": {"allow_networks": ["127.0.0.0/8"], "ports": [port]},
            "web_search": {"provider": "searxng", "url": f"http://127.0.0.1:{port}/search?q={{query}}"},
        }
        with serving(tools=tools) as served:
            page, found = results(
                served,
                {"tool": "fetch", "arguments": {"url": f"http://127.0.0.1:{port}/"}},
                {"tool": "web_search", "arguments": {"query": "towns"}},
            )

    assert page["text"] == "The page of the site."
    assert "Ostrel (https://ostrel.test/): A town." in found["text"]


def test_fetch_reaches_no_inner_address_by_default() -> None:
    with serving(tools={"fetch": {}}) as served:
        (result,) = results(served, {"tool": "fetch", "arguments": {"url": f"{served.url}/health"}})

    assert result["status"] == "user_error"


# -- models ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def orchestrating() -> Iterator[Served]:
    """A server whose model may ask the model of another one."""
    with pytest.MonkeyPatch.context() as patch, serving(server={"api_keys": ["sk-up"]}) as upstream:
        patch.setenv("UPSTREAM_KEY", "sk-up")
        shared = {"url": f"{upstream.url}/v1", "model": "pocket", "price": {"input": 1.0, "output": 2.0}}
        models = [
            {"name": "big", "api_key_env": "UPSTREAM_KEY", "about": "Good at proofs", **shared},
            {"name": "stranger", **shared},
            {"name": "away", **shared, "url": "http://127.0.0.1:1/v1"},
            {"name": "other", "api_key_env": "UPSTREAM_KEY", **shared, "model": "no-such"},
        ]
        with serving(tools={"models": models, "search": {"enabled": False}}) as served:
            yield served


def test_a_model_is_asked_and_its_price_is_told(orchestrating: Served) -> None:
    (result,) = results(orchestrating, {"tool": "ask_big", "arguments": {"prompt": "What is it?"}})
    listed = orchestrating.http.get("/v1/flyball/tools").json()["tools"][0]

    assert (result["status"], result["text"]) == ("ok", ANSWER)
    assert result["usage"]["usd"] > 0
    assert listed["description"].startswith("Asks the model big. Good at proofs. Costs $1 per million tokens in")


def test_what_a_model_costs_is_booked_in_the_budget(orchestrating: Served) -> None:
    asked = {"tools": ["ask_big"], "events": True, "budget": {"usd": 0.5}}
    body = orchestrating.chat("weather", flyball=asked)

    assert body["flyball"]["events"][-1]["status"] == "ok"
    assert body["flyball"]["ledger"]["usd"]["spent"] > 0


@pytest.mark.parametrize(("name", "status"), [("ask_stranger", "infra"), ("ask_away", "infra"), ("ask_other", "infra")])
def test_a_model_that_cannot_be_asked_is_nobodys_fault_that_calls(
    orchestrating: Served, name: str, status: str
) -> None:
    (result,) = results(orchestrating, {"tool": name, "arguments": {"prompt": "x"}})

    assert result["status"] == status
    assert "127.0.0.1" not in result["text"]


def test_a_prompt_that_is_too_long_is_the_callers_fault(orchestrating: Served) -> None:
    (result,) = results(orchestrating, {"tool": "ask_big", "arguments": {"prompt": "word " * 3000}})

    assert result["status"] == "user_error"
    assert "context" in result["text"]


# -- what is refused at the start --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ({"search": {"path": "no/such/folder"}}, "no/such/folder"),
        ({"corpora": [{}]}, "two tools 'search'"),
        ({"web_search": {"provider": "serper", "api_key_env": "NO_SUCH_VARIABLE"}}, "NO_SUCH_VARIABLE"),
        ({"models": [{"name": "m", "url": "http://m/v1", "api_key_env": "NO_SUCH_VARIABLE"}]}, "NO_SUCH_VARIABLE"),
    ],
)
def test_a_tool_that_cannot_be_set_up_keeps_the_server_from_starting(tools: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        build_app(Config.model_validate({"tools": tools}))


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ({"pyton": {}}, "tools.pyton"),
        ({"python": {"tier": "C"}}, "tools.python.tier"),
        ({"python": {"memory": 1}}, "tools.python.memory"),
        ({"models": [{"name": "m", "url": "ftp://m"}]}, "tools.models.0.url"),
        ({"fetch": {"ports": [0]}}, "tools.fetch.ports"),
        ({"mcp": {"stdio": [{"name": "a b", "command": "x"}]}}, "tools.mcp.stdio.0.name"),
    ],
)
def test_a_mistake_in_the_section_is_named_by_its_place(tools: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_config(None, {"tools": tools})


def test_a_tool_whose_schema_is_none_keeps_the_server_from_starting(tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    file.write_text(
        "from flyball.tools.tool import ToolSpec\n"
        "class Odd:\n"
        "    spec = ToolSpec('odd', 'Odd.', {'type': 'object', 'properties': {'a': {'type': 'nonsense'}}})\n"
        "    async def call(self, arguments, context): ...\n"
        "odd = Odd()\n"
    )
    with pytest.raises(ConfigError, match="'odd': its schema is no JSON Schema"):
        build_app(Config.model_validate({"tools": {"files": [str(file)]}}))
