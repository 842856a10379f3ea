"""What ends a trajectory: the context with the answer's room kept, and the ledger."""

import asyncio
from contextlib import aclosing

import pytest

from flyball.controllers.boundary import TokenWatch
from flyball.controllers.edits import FinishThinking, Inject
from flyball.controllers.limits import Allowance, Limits, allowance
from flyball.core.chat_format import Thinking
from flyball.core.engine import Abilities, EngineRequest
from flyball.core.errors import ContextOverflow, RequestError
from flyball.core.events import Channel, FinishReason
from flyball.core.ledger import Ledger
from flyball.core.model import Price
from flyball.core.trajectory import Trajectory

from .worlds import (
    DELTAS,
    EOS,
    PATIENCE,
    START,
    THINK_END,
    WORDS,
    Run,
    acted,
    edits_once,
    forever,
    ids,
    judges,
    notes,
    nothing_left,
    opened,
    pocket,
    run,
    text_of,
    when,
    writes,
)

CLOSE = pocket().close_thinking("")


def prompt(thinking: Thinking) -> int:
    return len(opened(writes(""), thinking=thinking)[0].prompt_ids)


def ended_by(result: Run) -> str:
    assert result.trajectory.finished is not None
    assert result.shown.finish == FinishReason.LENGTH
    return result.trajectory.finished.by


# -- one call's allowance -------------------------------------------------------------------------------------------


def limits(**changes: object) -> Limits:
    return Limits(**{"max_tokens": 100, "context_length": 50, "answer_room": 10, "close_tokens": 2, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limit", "budget", "thinks", "allowed"),
    [
        (limits(), {}, False, Allowance(40, "context")),
        (limits(), {}, True, Allowance(28, "answer_room")),
        (limits(max_tokens=30), {}, False, Allowance(30, "max_tokens")),
        (limits(max_tokens=30), {}, True, Allowance(28, "answer_room")),
        (limits(), {"tokens": 5}, True, Allowance(5, "budget.tokens")),
        (limits(price=Price(input=1.0, output=2.0)), {"usd": 30e-6}, False, Allowance(10, "budget.usd")),
        (limits(price=Price(input=1.0, output=2.0)), {"usd": 5e-6}, False, Allowance(-3, "budget.usd")),
        (limits(price=Price(input=1.0)), {"usd": 10e-6}, False, Allowance(40, "context")),
        (limits(price=Price(input=1.0)), {"usd": 9e-6}, False, Allowance(0, "budget.usd")),
        (limits(), {"usd": 1e-9}, False, Allowance(40, "context")),
    ],
)
def test_a_call_may_sample_what_the_tightest_limit_leaves(
    limit: Limits, budget: dict[str, float], thinks: bool, allowed: Allowance
) -> None:
    assert allowance(Trajectory([1] * 10), limit, Ledger(budget), thinks) == allowed


# -- the context ----------------------------------------------------------------------------------------------------


def context(tokens: int) -> Abilities:
    return Abilities(context_length=tokens)


def test_a_prompt_that_fills_the_context_is_refused() -> None:
    tokens = prompt(Thinking.OFF)
    opened(writes(""), thinking=Thinking.OFF, abilities=context(tokens + 1))
    with pytest.raises(ContextOverflow):
        opened(writes(""), thinking=Thinking.OFF, abilities=context(tokens))


@pytest.mark.parametrize("deltas", DELTAS)
async def test_an_answer_ends_with_the_context(deltas: tuple[int, ...]) -> None:
    tokens = prompt(Thinking.OFF)
    result = await run(forever, thinking=Thinking.OFF, abilities=context(tokens + 7), deltas=deltas)
    assert (ended_by(result), result.trajectory.sampled) == ("context", 7)


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("controllers", [[], [{"name": "thinking_budget", "tokens": 300}]])
async def test_thinking_is_closed_while_the_answers_room_is_left(
    controllers: list[dict[str, object]], deltas: tuple[int, ...]
) -> None:
    room = 12
    tokens = prompt(Thinking.ON) + 8 + len(CLOSE) + room
    result = await run(
        forever,
        controllers=controllers,
        thinking=Thinking.ON,
        abilities=context(tokens),
        limits={"answer_room": room},
        deltas=deltas,
    )
    assert result.trajectory.thinking == 8
    assert result.trajectory.sampled == 8 + room
    assert result.kept() == text_of((WORDS * 9)[:8] + CLOSE + (WORDS * 9)[:room])
    assert ended_by(result) == "context"
    assert notes(result.trajectory) == ["thinking was closed to keep the answer's room in the context"]
    assert acted(result.trajectory) == []


async def test_thinking_that_the_model_opens_itself_leaves_the_answers_room_too() -> None:
    open_tokens = len(ids("<think>"))
    tokens = prompt(Thinking.DEFAULT) + open_tokens + 6 + len(CLOSE) + 12
    script = lambda request: [*ids("<think>"), *forever(request)] if request.priority == 0 else forever(request)
    result = await run(script, abilities=context(tokens), limits={"answer_room": 12})
    assert (result.trajectory.thinking, result.trajectory.sampled) == (6, open_tokens + 6 + 12)


async def test_an_answer_without_thinking_may_use_the_room_that_was_kept_for_it() -> None:
    tokens = prompt(Thinking.DEFAULT) + 20
    result = await run(forever, abilities=context(tokens), limits={"answer_room": 12})
    assert result.trajectory.sampled == 20


async def test_a_prompt_that_leaves_less_than_the_answers_room_gets_no_thinking() -> None:
    tokens = prompt(Thinking.ON) + len(CLOSE) + 5
    result = await run(forever, thinking=Thinking.ON, abilities=context(tokens), limits={"answer_room": 12})
    assert result.trajectory.thinking == 0
    assert result.shown.content == text_of(WORDS[:5])


async def test_thinking_that_cannot_be_closed_any_more_ends_the_trajectory() -> None:
    tokens = prompt(Thinking.ON) + len(CLOSE)
    result = await run(forever, thinking=Thinking.ON, abilities=context(tokens), limits={"answer_room": 12})
    assert (ended_by(result), result.trajectory.ids) == ("answer_room", [])
    assert "no room is left in the context for the end of thinking" in notes(result.trajectory)


@pytest.mark.parametrize("native", [False, True])
async def test_a_budget_whose_end_has_no_room_ends_the_trajectory(native: bool) -> None:
    close = ids("</think>")
    abilities = Abilities(context_length=prompt(Thinking.ON) + 4, thinking_close_ids=tuple(close) if native else None)
    result = await run(
        forever,
        controllers=[{"name": "thinking_budget", "tokens": 3}],
        thinking=Thinking.ON,
        abilities=abilities,
        limits={"answer_room": 0, "close_tokens": 0},
    )
    assert (ended_by(result), result.trajectory.thinking) == ("context", 3)


async def test_a_hint_that_would_take_the_answers_room_is_not_given() -> None:
    script = writes(f"a b</think>\n\nyes{EOS}")
    hint = {"name": "hint_infer", "hints": ["Wait, let me check this once more."], "rounds": 1}
    hint_tokens = len(ids("\n\nWait, let me check this once more."))
    needed = prompt(Thinking.ON) + len(ids("a b")) + hint_tokens + len(CLOSE) + 12
    refused = await run(
        script, controllers=[hint], thinking=Thinking.ON, abilities=context(needed), limits={"answer_room": 12}
    )
    assert (refused.shown.content, acted(refused.trajectory)) == ("yes", [])
    assert notes(refused.trajectory) == ["no room is left in the context for an injection"]
    given = await run(
        script, controllers=[hint], thinking=Thinking.ON, abilities=context(needed + 1), limits={"answer_room": 12}
    )
    assert acted(given.trajectory) == ["hint_infer"]


async def test_an_injection_into_the_answer_must_leave_something_to_follow_it() -> None:
    tokens = prompt(Thinking.OFF) + 3 + len(ids(" and more"))
    controllers = [edits_once("a", TokenWatch(3), Inject(" and more"))]
    refused = await run(forever, controllers=controllers, thinking=Thinking.OFF, abilities=context(tokens))
    assert (acted(refused.trajectory), refused.trajectory.sampled) == ([], tokens - prompt(Thinking.OFF))
    given = await run(forever, controllers=controllers, thinking=Thinking.OFF, abilities=context(tokens + 1))
    assert (acted(given.trajectory), given.trajectory.sampled) == (["a"], 4)


async def test_a_closing_phrase_that_would_take_the_answers_room_is_left_out() -> None:
    phrase = "Considering the limited time, I answer now."
    cut = edits_once("a", TokenWatch(3, Channel.THINK), FinishThinking(phrase))
    with_phrase = prompt(Thinking.ON) + 3 + len(pocket().close_thinking(phrase)) + 12
    for length, kept in ((with_phrase, True), (with_phrase - 1, False)):
        result = await run(
            writes(text_of(WORDS), f"yes{EOS}"),
            controllers=[cut],
            thinking=Thinking.ON,
            abilities=context(length),
            limits={"answer_room": 12},
        )
        assert (phrase in result.kept(), result.shown.content) == (kept, "yes")


async def test_a_context_that_runs_over_after_edits_ends_with_length() -> None:
    tokens = prompt(Thinking.ON) + 40
    controllers = [
        edits_once("a", THINK_END, Inject(" X")),
        edits_once("b", TokenWatch(2, Channel.ANSWER), Inject(" Y")),
    ]
    result = await run(
        lambda request: (
            [*WORDS[:5], *ids("</think>\n\n"), *WORDS * 10] if len(request.ids) < tokens - 30 else WORDS * 10
        ),
        controllers=controllers,
        thinking=Thinking.ON,
        abilities=context(tokens),
        limits={"answer_room": 8},
    )
    assert ended_by(result) == "context"
    assert len(result.trajectory.context()) == tokens


# -- the ledger -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deltas", DELTAS)
async def test_a_budget_of_tokens_ends_the_trajectory_exactly(deltas: tuple[int, ...]) -> None:
    result = await run(forever, budget={"tokens": 6}, deltas=deltas, thinking=Thinking.OFF)
    assert (ended_by(result), result.trajectory.sampled) == ("budget.tokens", 6)
    assert result.episode.ledger.spent("tokens") == 6


async def test_a_budget_of_dollars_pays_the_prompt_first() -> None:
    price, tokens = Price(input=1.0, output=10.0), prompt(Thinking.OFF)
    result = await run(forever, budget={"usd": (tokens + 55) / 1e6}, limits={"price": price}, thinking=Thinking.OFF)
    assert (ended_by(result), result.trajectory.sampled) == ("budget.usd", 5)


async def test_dropped_tokens_are_charged_to_the_budget() -> None:
    controllers = [{"name": "thinking_budget", "tokens": 2}]
    result = await run(forever, controllers=controllers, budget={"tokens": 9}, deltas=(5,), thinking=Thinking.ON)
    assert (result.trajectory.sampled, result.trajectory.dropped) == (6, 3)
    assert ended_by(result) == "budget.tokens"


async def test_choices_share_a_budget_evenly() -> None:
    result = await run(forever, n=3, budget={"tokens": 20}, thinking=Thinking.OFF)
    assert [trial.trajectory.sampled for trial in result.episode.trials] == [6, 6, 6]
    assert result.episode.ledger.spent("tokens") == 18
    assert [choice.finish for choice in result.choices] == [FinishReason.LENGTH] * 3


@pytest.mark.parametrize("usd", [0.01, 0.07, 0.1])
@pytest.mark.parametrize("n", [3, 7])
async def test_choices_share_any_sum_of_dollars(usd: float, n: int) -> None:
    result = await run(writes(f"yes{EOS}"), n=n, budget={"usd": usd}, thinking=Thinking.OFF)
    assert [choice.content for choice in result.choices] == ["yes"] * n


async def test_more_choices_than_the_budget_allows_are_refused_before_anything_runs() -> None:
    with pytest.raises(RequestError) as refused:
        opened(forever, n=3, budget={"fan_out": 2})
    assert refused.value.param == "n"
    assert (await run(writes(EOS), n=2, budget={"fan_out": 2})).episode.ledger.spent("fan_out") == 2


async def test_seconds_that_are_spent_before_a_call_stop_it() -> None:
    now = 0.0
    episode, engine = opened(forever, budget={"seconds": 5}, thinking=Thinking.OFF)
    episode.ledger = Ledger({"seconds": 5}, clock=lambda: now)
    now = 6.0
    async for _ in episode.pieces():
        pass
    finished = episode.trials[0].trajectory.finished
    assert finished is not None
    assert (finished.by, engine.requests) == ("budget.seconds", [])


async def test_seconds_that_pass_while_tokens_come_stop_the_call() -> None:
    now = 0.0
    episode, engine = opened(forever, budget={"seconds": 5}, thinking=Thinking.OFF)
    episode.ledger = Ledger({"seconds": 5}, clock=lambda: now)
    async with asyncio.timeout(PATIENCE), aclosing(episode.pieces()) as pieces:
        async for _ in pieces:
            now += 1.0
    trajectory = episode.trials[0].trajectory
    assert trajectory.finished is not None
    assert (trajectory.finished.by, trajectory.sampled) == ("budget.seconds", 6)
    await nothing_left(engine)


@pytest.mark.parametrize("verdict", [False, True])
async def test_seconds_that_pass_while_nothing_comes_stop_the_call(verdict: bool) -> None:
    gate = asyncio.get_running_loop().create_future()
    controllers = [judges("judge", START, when(asyncio.Event(), 1e6), Inject("x"))] if verdict else []
    result = await run(
        forever,
        controllers=controllers,
        gate=lambda request, delta: gate if delta == 3 else None,
        budget={"seconds": 0.5},
        thinking=Thinking.OFF,
    )
    assert (ended_by(result), result.trajectory.sampled) == ("budget.seconds", 3)


async def test_an_engines_own_timeout_is_not_the_budgets() -> None:
    def gate(request: EngineRequest, delta: int) -> asyncio.Future[None]:
        raise TimeoutError("a socket's")

    with pytest.raises(TimeoutError, match="socket"):
        await run(forever, gate=gate, budget={"seconds": 50}, thinking=Thinking.OFF)
