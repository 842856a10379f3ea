"""What controllers find out and decide before a trajectory is rendered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import msgspec
import pytest

from flyball.controllers.controller import BaseController, Plan
from flyball.controllers.named import Named
from flyball.controllers.opening import Desk, Opening
from flyball.controllers.side import Question
from flyball.core.chat_format import Thinking
from flyball.core.decision import Decision
from flyball.core.engine import EngineRequest
from flyball.core.errors import ContextOverflow, ControllerError, EngineError
from flyball.core.events import Asked, Decided, Noted, Rendered
from flyball.core.ledger import AUXILIARY, AUXILIARY_PROMPT, TOKENS
from flyball.core.trajectory import replay

from .auxiliaries import Auxiliary
from .worlds import EOS, PATIENCE, TOOL, ids, nothing_left, opened, pocket, run, text_of

QUESTION = Question(messages=({"role": "user", "content": "is it hard"},), max_tokens=5)
CHOICE = Decision(kind="k", policy="p", candidates=("a", "b"), chosen=("a",), probability=1.0)


class Opener(BaseController[None]):
    """Decides by a function."""

    def __init__(self, open: Callable[[Plan, Desk], Awaitable[Opening]]) -> None:
        self.open = open


def opener(open: Callable[[Plan, Desk], Awaitable[Opening]], name: str = "opener") -> Named:
    return Named(name, Opener(open))


def changes(**fields: Any) -> Named:
    async def open(plan: Plan, desk: Desk) -> Opening:
        return Opening(msgspec.structs.replace(plan, **fields), (CHOICE,))

    return opener(open)


def asks(heard: list[Any], model: str = "aux", seconds: float = PATIENCE) -> Named:
    async def open(plan: Plan, desk: Desk) -> Opening:
        heard.append(await desk.ask(model, QUESTION, seconds=seconds))
        return Opening(plan)

    return opener(open)


def samples(heard: list[Any], times: int = 1, **how: Any) -> Named:
    async def open(plan: Plan, desk: Desk) -> Opening:
        asked = {"max_tokens": 2, "seconds": PATIENCE, **how}
        heard.extend(await asyncio.gather(*(desk.sample(plan, **asked) for _ in range(times))))
        return Opening(plan)

    return opener(open)


def answers(request: EngineRequest) -> Any:
    return ids(f"yes{EOS}")


def notes(result: Any) -> list[tuple[str, str]]:
    return [(event.by, event.text) for event in result.trajectory.log if isinstance(event, Noted)]


async def test_the_trajectory_is_rendered_by_the_plan_that_was_decided() -> None:
    result = await run(answers, controllers=[changes(thinking=Thinking.OFF)], thinking=Thinking.ON)

    assert result.trajectory.prompt_ids == pocket().render(result.episode.messages, None, Thinking.OFF, {})
    assert result.shown.content == "yes"
    assert result.episode.prompt_tokens == len(result.trajectory.prompt_ids)


async def test_a_decision_stands_in_the_log_behind_the_prompt() -> None:
    result = await run(answers, controllers=[changes(thinking=Thinking.OFF)])

    first, second = result.trajectory.log[:2]
    assert isinstance(first, Rendered) and isinstance(second, Decided)
    assert (second.position, second.decision) == (0, CHOICE)
    assert replay(result.trajectory.log).ids == result.trajectory.ids


async def test_tools_that_a_plan_does_not_offer_are_not_in_the_prompt() -> None:
    told = await run(answers, tools=(TOOL,), thinking=Thinking.OFF)
    untold = await run(answers, tools=(TOOL,), controllers=[changes(offer_tools=False)], thinking=Thinking.OFF)

    assert "add" in text_of(told.trajectory.prompt_ids).partition("Start with")[0]
    assert "add" not in text_of(untold.trajectory.prompt_ids).partition("Start with")[0]


async def test_a_tool_that_must_be_called_is_told_of_all_the_same() -> None:
    controllers = [changes(offer_tools=False)]
    result = await run(answers, tools=(TOOL,), force_call=(TOOL,), controllers=controllers, thinking=Thinking.OFF)
    assert "add" in text_of(result.trajectory.prompt_ids).partition("Start with")[0]


async def test_controllers_open_one_after_another() -> None:
    async def seen(plan: Plan, desk: Desk) -> Opening:
        order.append(plan.thinking)
        return Opening(plan)

    order: list[Thinking] = []
    await run(answers, controllers=[changes(thinking=Thinking.OFF), opener(seen, "second")], thinking=Thinking.ON)
    assert order == [Thinking.OFF]


async def test_every_choice_opens_for_itself_with_its_own_chance() -> None:
    async def draws(plan: Plan, desk: Desk) -> Opening:
        drawn.append(desk.random.random())
        assert desk.random.random() == drawn[-1]
        return Opening(plan)

    drawn: list[float] = []
    for _ in range(2):
        await run(answers, controllers=[opener(draws)], n=3, seed=5, thinking=Thinking.OFF)
    assert len(set(drawn[:3])) == 3
    assert drawn[:3] == drawn[3:]


async def test_a_model_that_is_asked_is_charged_and_the_trajectorys_log_says_so() -> None:
    heard: list[Any] = []
    models = {"aux": Auxiliary(lambda said: f"no {said}")}
    result = await run(answers, controllers=[asks(heard)], models=models, thinking=Thinking.OFF)

    assert heard[0].text == "no is it hard"
    (asked,) = [event for event in result.trajectory.log if isinstance(event, Asked)]
    assert (asked.by, asked.model, asked.position, asked.completion_tokens) == ("opener", "aux", 0, 4)
    ledger = result.episode.ledger
    assert (ledger.spent(AUXILIARY), ledger.spent(AUXILIARY_PROMPT)) == (4, 3)
    assert ledger.spent(TOKENS) == 4 + result.trajectory.sampled


async def test_samples_go_on_from_the_rendered_plan_with_seeds_of_their_own_and_none_is_kept() -> None:
    heard: list[Any] = []
    result = await run(answers, controllers=[samples(heard, times=3)], seed=1, thinking=Thinking.OFF)

    *probes, call = result.engine.requests
    assert [reply.text for reply in heard] == ["yes"] * 3
    assert all(probe.ids == call.ids for probe in probes)
    assert len({probe.sampling.seed for probe in probes}) == len({probe.request_id for probe in probes}) == 3
    assert result.shown.content == "yes"
    assert result.episode.ledger.spent(AUXILIARY) == sum(len(reply.ids) for reply in heard)


async def test_log_probabilities_of_chosen_tokens_are_reported() -> None:
    heard: list[Any] = []
    await run(answers, controllers=[samples(heard, logprob_ids=(5, 6))], thinking=Thinking.OFF)
    assert [token for token, _ in heard[0].logprobs[0].top] == [5, 6]


@pytest.mark.parametrize(
    ("model", "reason"), [("aux", "no reply: it broke"), ("gone", "no reply: there is no auxiliary model 'gone'")]
)
async def test_a_model_that_fails_is_no_harm_and_the_response_says_so(model: str, reason: str) -> None:
    heard: list[Any] = []
    models = {"aux": Auxiliary(str, error=EngineError("it broke"))}
    result = await run(answers, controllers=[asks(heard, model)], models=models, thinking=Thinking.OFF)

    assert (heard, result.shown.content) == ([None], "yes")
    assert notes(result) == [("opener", reason)]
    (asked,) = [event for event in result.trajectory.log if isinstance(event, Asked)]
    assert asked.error == reason.removeprefix("no reply: ")


async def test_a_model_that_is_slow_is_not_waited_for() -> None:
    heard: list[Any] = []
    slow = Auxiliary(str)
    slow.free.clear()
    result = await run(answers, controllers=[asks(heard, seconds=0.01)], models={"aux": slow}, thinking=Thinking.OFF)

    assert (heard, slow.running) == ([None], 0)
    assert notes(result) == [("opener", "no reply within 0.01 s")]


async def test_a_budget_that_is_too_small_asks_nobody() -> None:
    heard: list[Any] = []
    result = await run(
        answers, controllers=[samples(heard), asks(heard)], budget={"tokens": 0.0}, models={"aux": Auxiliary(str)}
    )
    assert heard == [None, None]
    assert result.shown.finish == "length"
    assert {reason for _, reason in notes(result)} == {
        "no reply: no room, or no budget, is left for a probe",
        "no reply: the budget left is too small to ask aux",
    }


async def test_a_plan_that_cannot_be_rendered_is_refused() -> None:
    with pytest.raises(ContextOverflow):
        await run(answers, controllers=[changes(messages=({"role": "user", "content": "x " * 9000},))])


async def test_a_defect_of_a_controller_is_its_own_error() -> None:
    async def breaks(plan: Plan, desk: Desk) -> Opening:
        raise KeyError("oops")

    with pytest.raises(ControllerError, match="'opener' failed: KeyError"):
        await run(answers, controllers=[opener(breaks)])


@pytest.mark.parametrize("n", [1, 2])
async def test_a_client_that_leaves_while_a_model_is_asked_leaves_nothing_behind(n: int) -> None:
    slow = Auxiliary(str)
    slow.free.clear()
    episode, engine = opened(answers, controllers=[asks([])], models={"aux": slow}, n=n)

    async def reads() -> None:
        async with aclosing(episode.pieces()) as pieces:
            async for _ in pieces:
                pass

    reading = asyncio.create_task(reads())
    while slow.running < n:
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)

    assert slow.running == 0
    await nothing_left(engine)
