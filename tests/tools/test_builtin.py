"""The tools that ship, inside the wrappers that every tool gets."""

from __future__ import annotations

import pytest

from flyball.core.ledger import Ledger
from flyball.tools.dispatch import Call, Dispatcher
from flyball.tools.fetch.tool import Fetch
from flyball.tools.model_tool import ModelTool
from flyball.tools.registry import Registry
from flyball.tools.result import Status
from flyball.tools.search.tool import Search
from flyball.tools.tool import CallContext, Tool
from flyball.tools.web_search.config import WebSearchConfig
from flyball.tools.web_search.tool import WebSearch
from flyball.tools.wrappers.stack import stacked

from .models import Oracle


def shipped() -> list[Tool]:
    web_search = WebSearch(WebSearchConfig.model_validate({"provider": "searxng"}))
    return [Search(), Fetch(), web_search, ModelTool(Oracle())]


@pytest.mark.parametrize("tool", shipped(), ids=lambda tool: tool.spec.name)
@pytest.mark.parametrize("arguments", ["{}", '{"query": 7, "url": 7, "prompt": 7}'])
async def test_a_wrong_call_is_answered_with_the_argument_that_is_wrong(tool: Tool, arguments: str) -> None:
    registry = Registry([tool], wrap=stacked)
    [result] = await Dispatcher(registry).run([Call("1", tool.spec.name, arguments)], CallContext("s", ledger=Ledger()))
    assert result.status is Status.USER_ERROR
    assert tool.spec.parameters["required"][0] in result.text


async def test_a_refusal_of_fetch_reaches_the_model_as_text() -> None:
    registry = Registry([Fetch()], wrap=stacked)
    call = Call("1", "fetch", '{"url": "http://169.254.169.254/latest/meta-data/"}')
    [result] = await Dispatcher(registry).run([call], CallContext("s", ledger=Ledger()))
    assert (result.status, result.text) == (Status.USER_ERROR, "The address is not public, so it is not fetched.")


async def test_two_searches_of_one_message_are_answered_in_their_order() -> None:
    registry = Registry([Search()], wrap=stacked)
    calls = [Call("1", "search", '{"query": "Ruvemor"}'), Call("2", "search", '{"query": "Kesarrik"}')]
    first, second = await Dispatcher(registry).run(calls, CallContext("s", ledger=Ledger()))

    assert first.text.startswith("[1] Ruvemor: ")
    assert second.text.startswith("[1] Kesarrik: ")
    await registry.close()
