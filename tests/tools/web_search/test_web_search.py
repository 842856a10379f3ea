"""Web search against local servers that answer in the forms of Serper and SearXNG."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from flyball.core.errors import ConfigError, ToolError
from flyball.tools.result import Status
from flyball.tools.tool import CallContext, Effect
from flyball.tools.web_search.config import WebSearchConfig
from flyball.tools.web_search.filling import fill, fill_json
from flyball.tools.web_search.tool import WebSearch

from ..fetch.site import Page, Site, raw, redirect, serving, text

CONTEXT = CallContext("s")
KEY = "k-secret-1234"

SERPER = {
    "searchParameters": {"q": "x"},
    "organic": [
        {"title": "Ostrel", "link": "https://ostrel.test/", "snippet": "A harbour\n town.", "position": 1},
        {"title": "Hadrun", "link": "https://hadrun.test/", "position": 2},
        {"title": "no address", "snippet": "x"},
        {"title": "Velk", "link": "https://velk.test/", "snippet": "third"},
    ],
}
SEARXNG = {"query": "x", "results": [{"title": "Ostrel", "url": "https://ostrel.test/", "content": "A town."}]}


class Noting:
    """Answers with the same JSON, and keeps what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.text()
        told = json.loads(body) if body else None
        self.asked.append((request.method, request.path_qs, dict(request.headers), told))
        return web.json_response(self.answer)


def serper(site: Site, **settings: object) -> WebSearch:
    return WebSearch(
        WebSearchConfig.model_validate({"provider": "serper", "url": site.url("/s"), "api_key": KEY, **settings})
    )


async def searched(page: Page, **settings: object) -> Any:
    async with serving({"/s": page}) as site:
        return await serper(site, **settings).call({"query": "turnips"}, CONTEXT)


async def test_serper_is_asked_by_post_with_its_key_in_a_header() -> None:
    engine = Noting(SERPER)
    result = await searched(engine, k=2, usd=0.001)

    [(method, path, headers, body)] = engine.asked
    assert (method, path, body) == ("POST", "/s", {"q": "turnips", "num": 2})
    assert headers["X-API-KEY"] == KEY
    assert result.text == "[1] Ostrel (https://ostrel.test/): A harbour town.\n[2] Hadrun (https://hadrun.test/): "
    assert result.structured[0] == {"title": "Ostrel", "url": "https://ostrel.test/", "text": "A harbour town."}
    assert result.usage.usd == 0.001


async def test_searxng_is_asked_by_get_without_a_key() -> None:
    engine = Noting(SEARXNG)
    async with serving({"/search": engine}) as site:
        url = site.url("/search?q={query}&format=json")
        tool = WebSearch(WebSearchConfig.model_validate({"provider": "searxng", "url": url}))
        result = await tool.call({"query": "what & {key} #1?"}, CONTEXT)

    assert engine.asked[0][:2] == ("GET", "/search?q=what+%26+%7Bkey%7D+%231?&format=json")
    assert result.text == "[1] Ostrel (https://ostrel.test/): A town."


async def test_a_key_may_stand_in_the_url() -> None:
    engine = Noting({"hits": [{"u": "https://x.test/"}]})
    async with serving({"/s": engine}) as site:
        config = WebSearchConfig.model_validate(
            {"url": site.url("/s?key={key}&q={query}"), "api_key": "a&b", "results": "hits[].{url: u}"}
        )
        result = await WebSearch(config).call({"query": "x"}, CONTEXT)

    assert engine.asked[0][1] == "/s?key=a%26b&q=x"
    assert result.text == "[1]  (https://x.test/): "


async def test_no_results_are_said_to_be_none() -> None:
    assert (await searched(Noting({"organic": []}))).text == "No result found."
    assert (await searched(Noting({}))).text == "No result found."


async def test_long_extracts_are_cut() -> None:
    answer = {"organic": [{"title": "t", "link": "https://x.test/", "snippet": "y" * 1000}]}
    assert (await searched(Noting(answer), text_characters=10)).text == f"[1] t (https://x.test/): {'y' * 10}"


async def test_an_empty_query_is_the_callers_mistake() -> None:
    async with serving({}) as site:
        with pytest.raises(ToolError, match="empty"):
            await serper(site).call({"query": " "}, CONTEXT)
        assert site.asked == []


@pytest.mark.parametrize(
    "page",
    [
        redirect("/elsewhere"),
        redirect("/", 401),
        redirect("/", 403),
        redirect("/", 429),
        redirect("/", 500),
        text("no JSON"),
        text("[" * 100_000, "application/json"),
        raw(b"x" * 3_000_000),
    ],
    ids=["redirect", "401", "403", "429", "500", "no JSON", "deep", "long"],
)
async def test_an_engine_out_of_order_is_no_fault_of_the_caller_and_the_key_is_not_told(
    page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with serving({"/s": page, "/elsewhere": Noting(SERPER)}) as site:
            result = await serper(site).call({"query": "turnips"}, CONTEXT)
            assert [path for path, _ in site.asked] == ["/s"]

    assert result.status is Status.INFRA
    assert "web_search" in caplog.text
    assert KEY not in caplog.text + result.text + str(result.structured)


@pytest.mark.parametrize(
    ("answer", "results"),
    [({"organic": {"a": 1}}, "organic"), ({"organic": "text"}, "organic"), ([1], "@"), ({"a": 1}, "length(a)")],
)
async def test_an_answer_of_another_form_is_no_fault_of_the_caller(answer: object, results: str) -> None:
    result = await searched(Noting(answer), results=results)
    assert (result.status, "another form" in result.text) == (Status.INFRA, True)


async def test_an_engine_that_is_not_there_is_no_fault_of_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    async with serving({}) as site:
        tool = serper(site, url=site.url("/s?key={key}"), headers={})
    result = await tool.call({"query": "x"}, CONTEXT)

    assert result.status is Status.INFRA
    assert KEY not in caplog.text + result.text


async def test_a_slow_engine_times_out() -> None:
    release = asyncio.Event()

    async def slow(_: web.BaseRequest) -> web.StreamResponse:
        await release.wait()
        return web.Response()

    async with serving({"/s": slow}) as site:
        result = await serper(site, timeout_s=0.1).call({"query": "x"}, CONTEXT)
        release.set()
    assert result.status is Status.TIMEOUT


def test_the_key_comes_from_the_environment_and_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    config = WebSearchConfig.model_validate({"provider": "serper", "api_key_env": "SERPER_KEY"})
    monkeypatch.delenv("SERPER_KEY", raising=False)
    with pytest.raises(ConfigError, match="SERPER_KEY is not set"):
        WebSearch(config)

    monkeypatch.setenv("SERPER_KEY", KEY)
    tool = WebSearch(config)
    assert KEY not in f"{config!r} {config.model_dump_json()} {tool.spec} {vars(tool)}"


async def test_it_is_told_to_a_model_as_a_tool_that_changes_nothing() -> None:
    tool = WebSearch(WebSearchConfig.model_validate({"provider": "searxng", "usd": 0.002}))
    assert (tool.spec.name, tool.spec.effect, tool.spec.usd) == ("web_search", Effect.READ_ONLY, 0.002)
    await tool.end_session("s")
    await tool.close()


GOOD = {"url": "https://x.test/?q={query}", "results": "r"}


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"provider": "other"}, "serper, searxng"),
        ({"provider": "serper"}, "key"),
        ({"provider": "searxng", "api_key": KEY}, "key"),
        ({**GOOD, "url": "https://x.test/"}, "{query}"),
        ({**GOOD, "url": "ftp://x.test/?q={query}"}, "https://"),
        ({**GOOD, "url": "https://{query}.test/"}, "https://"),
        ({**GOOD, "headers": {"X": "{query}"}}, "headers"),
        ({**GOOD, "results": "a["}, "JMESPath"),
        ({**GOOD, "url": "https://x.test/{key}?q={query}", "api_key": KEY, "api_key_env": "E"}, "not both"),
        ({**GOOD, "more": 1}, "more"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused_without_showing_its_key(
    wrong: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValidationError) as error:
        WebSearchConfig.model_validate(wrong)
    assert complaint in str(error.value)
    assert KEY not in str(error.value)


def test_what_is_filled_in_is_not_filled_again() -> None:
    values = {"query": "{key} {k}", "k": "3", "key": KEY}
    assert fill("a {query} b", values) == "a {key} {k} b"
    assert fill_json({"q": ["{query}", 1], "n": "{k}", "m": "{k} of {k}"}, values) == {
        "q": ["{key} {k}", 1],
        "n": 3,
        "m": "3 of 3",
    }
