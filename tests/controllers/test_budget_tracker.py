"""budget_tracker: the block beside results, the policy before them, the way back to the tools, and budgets that hold."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from flyball.controllers.adding import with_question, with_system
from flyball.controllers.budgeting.block import BudgetBlock
from flyball.controllers.methods.budget_tracker import INSISTENCE
from flyball.core.chat_format import Thinking
from flyball.core.engine import EngineRequest
from flyball.core.errors import ConfigError
from flyball.core.events import Acted, ToolAnswered
from flyball.core.ledger import Ledger
from flyball.tools.function import FunctionTool
from flyball.tools.marks import tool

from .toolbox import add, call, offered, python, responses
from .worlds import DELTAS, EOS, call_number, ids, run, text_of, writes

ANSWERS = f"It is 42.{EOS}"
PYTHON = call("python", code="print(6*7)")
CODE = "<think>\nI compute.\n```python\nprint(6*7)\n```\n"


def tracker(**params: Any) -> dict[str, Any]:
    return {"name": "budget_tracker", "policy": "none", **params}


def block(*lines: str) -> str:
    return "\n".join(["<budget>", *lines, "Make the best use of the available resources.", "</budget>"])


def line(used: int, left: int, label: str = "python") -> str:
    return f"{label} Budget Used: {used}, {label} Budget Remaining: {left}"


def budget(**calls: float) -> dict[str, float]:
    return {f"tool_calls.{name}": limit for name, limit in calls.items()}


@tool(effect="read_only", batch="query")
def search(query: list[str]) -> str:
    """Searches for several things at once."""
    return " ".join(f"[{each}]" for each in query)


# -- the block -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deltas", DELTAS)
async def test_a_block_stands_inside_of_the_result_of_a_template_call(deltas: Any) -> None:
    options = {"controllers": [tracker()], "budget": budget(python=4), "deltas": deltas, **offered(python)}
    result = await run(writes(PYTHON + EOS, ANSWERS), **options)

    assert result.kept() == PYTHON + EOS + responses("42\n" + block(line(1, 3))) + ANSWERS
    assert result.shown.content == "It is 42."
    (acted,) = [event for event in result.trajectory.log if isinstance(event, Acted)]
    assert (acted.controller, acted.boundary, acted.edits) == ("budget_tracker", "result_appended", ["BesideResults"])


@pytest.mark.parametrize("deltas", DELTAS)
async def test_a_block_stands_behind_the_output_of_fenced_code(deltas: Any) -> None:
    options = {"controllers": [tracker()], "budget": budget(python=4), "deltas": deltas, **offered(python, fenced=True)}
    result = await run(writes(CODE, f"Yes.\n</think>\n\n{ANSWERS}"), **options)

    shown = "```output\n42\n```\n" + block(line(1, 3)) + "\n"
    assert result.kept() == f"{CODE}{shown}Yes.\n</think>\n\n{ANSWERS}"


async def test_one_block_for_all_calls_of_a_turn_stands_in_the_last_result() -> None:
    turn = "\n".join([call("python", code="print(1)"), call("add", a=1, b=1), call("python", code="print(3)")])
    options = {"controllers": [tracker()], "budget": budget(python=5, add=1, absent=9), **offered(add, python)}
    result = await run(writes(turn + EOS, ANSWERS), **options)

    expected = responses("1", "2", "3\n" + block(line(2, 3), line(1, 0, "add")))
    assert expected in result.kept()


async def test_each_entry_of_a_batched_call_costs_one_and_too_large_a_batch_is_refused() -> None:
    texts = [call("search", query=["a", "b", "c", "d"]) + EOS, call("search", query=["e", "f", "g"]) + EOS, ANSWERS]
    result = await run(
        writes(*texts), controllers=[tracker(form="search_agent")], budget=budget(search=6), **offered(search)
    )
    first, second = [event.text for event in result.trajectory.tool_events if isinstance(event, ToolAnswered)]
    assert first == "[a] [b] [c] [d]\n<budget>\nQuery Budget Used: 4, Query Budget Remaining: 2\n</budget>"
    assert second.startswith("This call counts as 3 calls of 'search'; the budget allows 2 more.")
    assert second.endswith("\n<budget>\nQuery Budget Used: 4, Query Budget Remaining: 2\n</budget>")


async def test_a_refused_call_is_not_used_and_the_block_says_that_none_remains() -> None:
    options = {"controllers": [tracker()], "budget": budget(python=1), **offered(python)}
    texts = [PYTHON + EOS, call("python", code="print(1)") + EOS, ANSWERS]
    result = await run(writes(*texts), **options)
    assert block(line(1, 0)) in result.kept()
    assert line(2, 0) not in result.kept()
    assert result.episode.ledger.spent("tool_calls.python") == 1


async def test_without_a_limited_tool_nothing_is_written() -> None:
    result = await run(writes(PYTHON + EOS, ANSWERS), controllers=[tracker()], **offered(python))
    assert "<budget>" not in result.kept()


async def test_two_that_write_the_same_write_it_once() -> None:
    options = {"budget": budget(python=4), **offered(python)}
    result = await run(writes(PYTHON + EOS, ANSWERS), controllers=[tracker(), tracker()], **options)
    assert result.kept().count("<budget>") == 1


def test_tokens_seconds_and_dollars_are_told_of_where_asked_for() -> None:
    clock = iter([0.0, 12.0, 12.0, 12.0, 12.0])
    ledger = Ledger({"tokens": 900, "usd": 0.02, "seconds": 60}, clock=lambda: next(clock))
    ledger.charge("tokens", 300)
    ledger.charge("usd", 0.005)
    text = BudgetBlock((), ("tokens", "seconds", "usd"), "generic", 0).text(ledger)
    assert text == block(
        line(300, 600, "Token"), line(12, 48, "Seconds"), "Dollar Budget Used: $0.005, Dollar Budget Remaining: $0.015"
    )


def test_what_is_not_limited_is_said_to_be_so() -> None:
    assert "Token Budget Used: 0, Token Budget Remaining: unlimited" in BudgetBlock((), ("tokens",), "generic", 0).text(
        Ledger()
    )


def test_the_forms_of_search_agents_name_queries_and_addresses() -> None:
    ledger = Ledger(budget(search=3, web_search=2, fetch=4))
    text = BudgetBlock(("search", "web_search", "fetch"), (), "search_agent", 0).text(ledger)
    assert text.splitlines()[1] == ", ".join([line(0, 3, "Query"), line(0, 2, "web_search"), line(0, 4, "URL")])


def test_the_control_with_wrong_numbers_says_more_than_there_is() -> None:
    assert line(0, 12) in BudgetBlock(("python",), (), "generic", 10).text(Ledger(budget(python=2)))


def test_a_tool_without_the_parameter_that_is_to_be_its_batch_is_refused() -> None:
    @tool(batch="queries")
    def look(query: str) -> str:
        """Looks."""
        return query

    with pytest.raises(ConfigError, match="queries"):
        FunctionTool(look)


# -- before the first call -----------------------------------------------------------------------------------------


async def test_the_policy_stands_in_the_system_text_and_the_block_behind_the_question() -> None:
    options = {"budget": budget(python=4), **offered(python)}
    controllers = [tracker(policy="levels", at_start=True)]
    result = await run(writes(ANSWERS), controllers=controllers, **options)
    prompt = text_of(result.trajectory.prompt_ids)
    system, question = prompt.split("Start with 7", 1)
    assert "HIGH, 70% or more" in system
    assert block(line(0, 4)) in question


def test_a_system_text_that_is_there_is_kept() -> None:
    messages = (
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "?"}]},
    )
    system, user = with_question(with_system(messages, "Spend little."), "3 left")
    assert system == {"role": "developer", "content": "Be kind.\n\nSpend little."}
    assert user["content"] == [{"type": "text", "text": "?"}, {"type": "text", "text": "\n3 left"}]


# -- the way back to the tools -------------------------------------------------------------------------------------


async def test_an_answer_with_budget_left_is_followed_by_the_sentence_until_five_refusals_in_a_row() -> None:
    options = {"budget": budget(python=9), **offered(python)}
    result = await run(writes(ANSWERS), controllers=[tracker(insist=True)], **options)
    assert result.kept().count(INSISTENCE) == 5
    assert result.shown.finish == "stop"


async def test_a_call_between_begins_the_count_anew() -> None:
    options = {"budget": budget(python=9), **offered(python)}
    texts = [ANSWERS, ANSWERS, PYTHON + EOS, ANSWERS]
    result = await run(writes(*texts), controllers=[tracker(insist=True, refusals=2)], **options)
    assert result.kept().count(INSISTENCE) == 4


async def test_nobody_is_sent_back_to_tools_that_have_no_calls_left() -> None:
    options = {"budget": budget(python=1), **offered(python)}
    result = await run(writes(PYTHON + EOS, ANSWERS), controllers=[tracker(insist=True)], **options)
    assert INSISTENCE not in result.kept()


# -- budgets hold --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0, 1, 5, 13])
async def test_trajectories_that_call_at_the_same_time_share_a_budget_to_the_unit(limit: int) -> None:
    made: list[str] = []

    @tool(effect="side_effects", batch="query")
    async def look(query: list[str]) -> str:
        """Looks several things up."""
        await asyncio.sleep(0)
        made.extend(query)
        return "found"

    def script(request: EngineRequest) -> Any:
        number = call_number(request)
        turn = [call("look", query=[f"{request.request_id}-{number}-{each}"] * (1 + each)) for each in range(3)]
        return ids("\n".join(turn) + EOS if number < 3 else ANSWERS)

    options = {"budget": budget(look=limit), "n": 8, **offered(look)}
    result = await run(script, controllers=[tracker()], **options)

    ledger = result.episode.ledger
    assert len(made) == ledger.spent("tool_calls.look") == limit
    for trial in result.episode.trials:
        for used, left in _told(text_of(trial.trajectory.ids)):
            assert used + left == limit


def _told(text: str) -> list[tuple[int, int]]:
    lines = [each for each in text.splitlines() if "Budget Used" in each]
    return [(int(each.split(": ")[1].split(",")[0]), int(each.split(": ")[2])) for each in lines]


async def test_many_requests_at_once_never_spend_more_than_their_budgets() -> None:
    async def one(number: int) -> float:
        limit = number % 4
        turn = "\n".join(call("python", code=f"print({number}*{each})") for each in range(3)) + EOS
        result = await run_quietly(writes(turn, turn.replace("*", "+"), ANSWERS), limit)
        return float(result.episode.ledger.spent("tool_calls.python")) - limit

    assert await asyncio.gather(*(one(number) for number in range(100))) == [0.0] * 100


async def run_quietly(script: Any, limit: int) -> Any:
    """An episode beside others: no look at what else runs."""
    from contextlib import aclosing

    from .worlds import Run, opened

    options = {"budget": budget(python=limit), **offered(python)}
    episode, engine = opened(script, controllers=[tracker()], **options)
    async with aclosing(episode.pieces()) as pieces:
        async for _ in pieces:
            pass
    await engine.close()
    return Run(episode, engine, [])


async def test_no_thinking_and_a_client_with_tools_of_its_own() -> None:
    turn = PYTHON + "\n" + call("ask_user", q="why") + EOS
    options = {"budget": budget(python=2), **offered(python, client=True)}
    result = await run(writes(turn), controllers=[tracker()], thinking=Thinking.OFF, **options)
    assert (result.shown.finish, [json.loads(each[1]) for each in result.shown.calls]) == ("tool_calls", [{"q": "why"}])
    (answer,) = [event for event in result.trajectory.tool_events if isinstance(event, ToolAnswered)]
    assert answer.text == "42\n" + block(line(1, 1))
