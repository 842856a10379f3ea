"""What a model is offered: everything while that is little, else what fits, and a way to find the rest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from flyball.core.decision import Decision
from flyball.core.errors import ConfigError
from flyball.core.ledger import Ledger
from flyball.policies.base import Context
from flyball.policies.best_first import BestFirst
from flyball.tools.dispatch import Call, Dispatcher
from flyball.tools.result import Status
from flyball.tools.router.dense import DenseIndex
from flyball.tools.router.router import Router
from flyball.tools.router.search_tools import SearchTools
from flyball.tools.wrappers.checked import Checked

from ..doubles import context
from .world import TOOLS, Synonyms, many, tool


def limits(**limits: float) -> Ledger:
    return Ledger({f"tool_calls.{name}": limit for name, limit in limits.items()})


def decision_of(offer: Any) -> Decision:
    (decision,) = offer.decisions
    assert isinstance(decision, Decision)
    return decision


# -- few --------------------------------------------------------------------------------------------------------------


def test_few_tools_are_all_offered_in_their_order() -> None:
    offer = Router(TOOLS).open("write a letter")
    assert offer.specs == TOOLS
    decision = decision_of(offer)
    assert decision.chosen == decision.candidates == tuple(spec.name for spec in TOOLS)
    assert (decision.kind, decision.probability) == ("tools", 1.0)
    assert decision.features == {"tools": 5, "room": 40}


@pytest.mark.parametrize(("count", "searches"), [(40, False), (41, True)])
def test_forty_are_few(count: int, searches: bool) -> None:
    router = Router(many(count))
    assert router.searches is searches
    assert ("search_tools" in router.open("weather").names) is searches


def test_no_tools_are_offered_when_there_are_none() -> None:
    assert Router([]).open("anything").names == []


@pytest.mark.parametrize("budget", [limits(send_mail=0), Ledger({"usd": 0.05})], ids=["calls", "money"])
def test_a_tool_that_the_budget_rules_out_is_not_offered(budget: Ledger) -> None:
    tools = [tool("send_mail", usd=0.1), tool("plot")]
    assert Router(tools).open("", ledger=budget).names == ["plot"]


# -- many -------------------------------------------------------------------------------------------------------------


def test_of_many_the_fitting_ones_are_offered_after_the_search() -> None:
    offer = Router(many(), room=2).open("Send mail about the weather in town to somebody")
    assert offer.names[0] == "search_tools"
    assert set(offer.names[1:]) == {"send_mail", "get_weather"}
    assert "100" in offer.specs[0].description


def test_the_decision_tells_candidates_scores_and_probability() -> None:
    offer = Router(many(), room=1).open("weather mail")
    decision = decision_of(offer)
    assert set(decision.candidates) == {"get_weather", "send_mail"}
    assert decision.chosen == decision.candidates[:1]
    assert decision.features["room"] == 1
    assert decision.features["score.get_weather"] > 0


def test_when_nothing_fits_only_the_search_is_offered() -> None:
    assert Router(many()).open("zebra").names == ["search_tools"]


def test_what_the_budget_rules_out_is_no_candidate() -> None:
    offer = Router(many()).open("weather", ledger=limits(get_weather=0))
    assert "get_weather" not in decision_of(offer).candidates


def test_another_policy_chooses_with_its_own_probability() -> None:
    router = Router(many(), room=1, policy=BestFirst(explore=1.0))
    chosen = {router.open("weather mail", random=Random(seed)).names[1] for seed in range(20)}
    assert chosen == {"get_weather", "send_mail"}
    assert decision_of(router.open("weather mail")).probability == 0.5


class TakesTheLast:
    """A policy of somebody else's."""

    def choose(self, context: Context, candidates: Sequence[str]) -> Decision:
        return Decision(
            kind=context.kind, policy="last", candidates=tuple(candidates), chosen=(candidates[-1],), probability=0.25
        )


def test_the_policy_has_the_last_word() -> None:
    offer = Router(TOOLS, policy=TakesTheLast()).open("weather")
    assert offer.names == ["convert_currency"]


def test_another_retriever_finds_by_meaning() -> None:
    tools = many()
    offer = Router(tools, room=1, retriever=DenseIndex(tools, Synonyms())).open("do I need an umbrella")
    assert offer.names == ["search_tools", "get_weather"]


def test_a_tool_cannot_take_the_name_of_the_search() -> None:
    with pytest.raises(ConfigError, match="search_tools"):
        Router([*many(), tool("search_tools")])
    assert Router([tool("search_tools")]).open("").names == ["search_tools"]


# -- search_tools -----------------------------------------------------------------------------------------------------


async def test_what_the_model_finds_comes_with_its_schema_and_stays_offered() -> None:
    router = Router(many(), room=1)
    offer = router.open("weather")
    trajectory = Dispatcher({"search_tools": Checked(SearchTools(router, offer))})

    (result,) = await trajectory.run([Call("1", "search_tools", '{"query": "send mail", "k": 1}')], context())
    assert result.status is Status.OK
    assert json.loads(result.text) == {
        "name": "send_mail",
        "description": "Sends a message to somebody.",
        "parameters": TOOLS[2].parameters,
    }
    assert result.structured == [json.loads(result.text)]
    assert offer.names == ["search_tools", "get_weather", "send_mail"]
    assert [decision.chosen for decision in offer.decisions] == [("get_weather",), ("send_mail",)]


async def test_the_callers_log_gets_the_choice_that_a_search_made() -> None:
    router = Router(many(), room=1)
    logged: list[Decision] = []
    search = SearchTools(router, router.open("weather"))
    await search.call({"query": "send mail", "k": 1}, replace(context(), on_decision=logged.append))

    assert [(decision.chosen, decision.probability) for decision in logged] == [(("send_mail",), 1.0)]


async def test_finding_a_tool_again_moves_nothing() -> None:
    router = Router(many(), room=1)
    offer = router.open("weather")
    search = SearchTools(router, offer)
    for query in ("csv", "weather", "csv"):
        assert (await search.call({"query": query, "k": 1}, context())).structured
    assert offer.names == ["search_tools", "get_weather", "readCSVFile"]


async def test_a_search_without_result_says_so() -> None:
    router = Router(many())
    result = await SearchTools(router, router.open("")).call({"query": "zebra"}, context())
    assert (result.text, result.structured) == ("No tool matches. Try other words.", [])


async def test_a_search_finds_only_what_the_callers_budget_allows() -> None:
    router = Router(many())
    result = await SearchTools(router, router.open("")).call(
        {"query": "weather"}, context(ledger=limits(get_weather=0))
    )
    assert result.structured == []


@pytest.mark.parametrize("arguments", [{}, {"query": 7}, {"query": "x", "k": 0}, {"query": "x", "k": 21}])
async def test_a_wrong_search_is_explained(arguments: dict[str, Any]) -> None:
    router = Router(many())
    search = Checked(SearchTools(router, router.open("")))
    assert (await search.call(arguments, context())).status is Status.USER_ERROR
    await search.end_session("s")
    await search.close()


# -- over several requests --------------------------------------------------------------------------------------------


def test_a_conversation_goes_on_with_what_it_was_offered() -> None:
    """In the same order, whatever is asked now; a tool that is gone is left out."""
    router = Router(many(), room=1)
    offer = router.open("csv", earlier=["search_tools", "send_mail", "gone", "get_weather"])
    assert offer.names == ["search_tools", "send_mail", "get_weather"]
    assert offer.decisions == []


def test_conversations_do_not_share_their_offers() -> None:
    router = Router(many(), room=1)
    first, second = router.open("weather"), router.open("weather")
    router.find(first, "csv", 1, ledger=Ledger(), random=Random(0))
    assert "readCSVFile" in first.names
    assert "readCSVFile" not in second.names
