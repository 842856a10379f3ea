"""Models as tools: what is told of them, what they answer, and that the budget holds."""

from __future__ import annotations

import asyncio

import pytest

from flyball.core.errors import ContextOverflow, EngineDead, ToolError
from flyball.core.ledger import FAN_OUT, TOKENS, USD, Ledger, tool_calls
from flyball.core.model import Price
from flyball.tools.model_tool import ModelTool, ModelToolConfig
from flyball.tools.result import Status
from flyball.tools.tool import CallContext, Effect
from flyball.tools.wrappers.stack import stacked

from .models import Oracle


def context(**limits: float) -> CallContext:
    return CallContext("s", ledger=Ledger(limits))


async def test_a_model_is_asked_and_what_it_cost_is_reported() -> None:
    oracle = Oracle()
    tool = ModelTool(oracle, ModelToolConfig(max_tokens=50, temperature=0.5))
    called = context()
    result = await tool.call({"prompt": "What is it?", "system": "Be short."}, called)

    assert oracle.asked == [
        ([{"role": "system", "content": "Be short."}, {"role": "user", "content": "What is it?"}], 50, 0.5)
    ]
    assert (result.status, result.text) == (Status.OK, "forty-two")
    assert result.structured == {"prompt_tokens": 100, "completion_tokens": 20}
    assert result.usage.usd == pytest.approx((100 * 1 + 20 * 10) / 1e6)
    assert (called.ledger.spent(TOKENS), called.ledger.spent(FAN_OUT)) == (20, 1)


async def test_dollars_are_booked_once_by_the_wrapper_that_charges() -> None:
    tool = stacked(ModelTool(Oracle()))
    called = context(usd=1.0)
    result = await tool.call({"prompt": "x"}, called)

    assert called.ledger.spent(USD) == pytest.approx(result.usage.usd) == pytest.approx(300 / 1e6)
    assert called.ledger.spent(tool_calls(tool.spec.name)) == 1
    assert called.ledger.remaining(USD) == pytest.approx(1.0 - 300 / 1e6)


def test_price_and_latency_are_told() -> None:
    spec = ModelTool(Oracle(), ModelToolConfig(about="Good at proofs.", latency_s=8, timeout_s=60)).spec
    assert (spec.name, spec.effect, spec.timeout) == ("ask_big_model_1", Effect.READ_ONLY, 60)
    assert spec.description == (
        "Asks the model big/model 1. Good at proofs. Costs $1 per million tokens in and $10 out. Takes about 8 s."
    )
    assert spec.parameters["required"] == ["prompt"]
    assert ModelTool(Oracle(price=Price())).spec.description == "Asks the model big/model 1. Costs nothing."


async def test_an_answer_that_reached_its_limit_is_said_to_be_cut() -> None:
    result = await ModelTool(Oracle(tokens=99), ModelToolConfig(max_tokens=30)).call({"prompt": "x"}, context())
    assert result.text == "forty-two\n[cut: the answer was longer than it may be]"


@pytest.mark.parametrize(
    ("limits", "longest"),
    [
        ({"tokens": 40}, 40),
        ({"usd": 0.0005}, 50),
        ({"usd": 0.0005, "tokens": 30}, 30),
        ({"usd": 1.0}, 1024),
        ({"fan_out": 1}, 1024),
        ({}, 1024),
    ],
)
async def test_an_answer_is_as_long_as_the_budget_allows(limits: dict[str, float], longest: int) -> None:
    oracle = Oracle()
    await ModelTool(oracle).call({"prompt": "x"}, context(**limits))
    assert oracle.asked[0][1] == longest


@pytest.mark.parametrize(
    ("limits", "prompt"),
    [({"tokens": 10}, "x"), ({"usd": 0.0}, "x"), ({"usd": 0.0005}, "x" * 2000), ({"fan_out": 0}, "x")],
)
async def test_a_model_that_the_budget_does_not_reach_for_is_not_asked(limits: dict[str, float], prompt: str) -> None:
    oracle = Oracle()
    with pytest.raises(ToolError, match="budget left is too small"):
        await ModelTool(oracle).call({"prompt": prompt}, context(**limits))
    assert oracle.asked == []


async def test_a_model_whose_output_is_free_is_limited_by_the_price_of_its_input() -> None:
    tool = ModelTool(Oracle(price=Price(input=1.0)))
    assert (await tool.call({"prompt": "x"}, context(usd=0.0001))).ok
    with pytest.raises(ToolError, match="too small"):
        await tool.call({"prompt": "x" * 1000}, context(usd=0.0001))


async def test_calls_at_once_do_not_spend_the_same_money() -> None:
    """0.001 dollars are 100 tokens: the first call sets 60 aside, 40 are left for the second, none for the third."""
    oracle = Oracle(tokens=1000)
    oracle.free.clear()
    tool = stacked(ModelTool(oracle, ModelToolConfig(max_tokens=60)))
    called = context(usd=0.001)
    calls = [asyncio.ensure_future(tool.call({"prompt": "x"}, called)) for _ in range(3)]
    async with asyncio.timeout(5):
        while len(oracle.asked) < 2 or not calls[2].done():
            await asyncio.sleep(0)
    oracle.free.set()
    results = await asyncio.gather(*calls)

    assert [asked[1] for asked in oracle.asked] == [60, 40]
    assert [result.status for result in results] == [Status.OK, Status.OK, Status.USER_ERROR]


async def test_a_cancelled_call_gives_back_what_was_set_aside() -> None:
    oracle = Oracle()
    oracle.free.clear()
    called = context(usd=0.001, tokens=500)
    call = asyncio.ensure_future(ModelTool(oracle).call({"prompt": "x"}, called))
    async with asyncio.timeout(5):
        while not oracle.asked:
            await asyncio.sleep(0)
    assert called.ledger.remaining(TOKENS) < 500
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert (called.ledger.remaining(USD), called.ledger.remaining(TOKENS)) == (0.001, 500)


async def test_an_engine_that_fails_is_no_fault_of_the_caller_and_a_prompt_that_is_too_long_is() -> None:
    failing = ModelTool(Oracle(error=EngineDead("gone, at http://inner:8000")))
    result = await failing.call({"prompt": "x"}, context())
    assert (result.status, result.text) == (Status.INFRA, "big/model 1 cannot be asked now.")

    with pytest.raises(ToolError, match="4096 tokens"):
        await ModelTool(Oracle(error=ContextOverflow(5000, 4096))).call({"prompt": "x"}, context())


async def test_it_keeps_nothing() -> None:
    tool = ModelTool(Oracle())
    await tool.end_session("s")
    await tool.close()
