"""Verdicts: work that goes on while the model decodes, and edits that come when more was decoded already."""

import asyncio
from typing import Any

import pytest

from flyball.controllers.boundary import Boundary, TokenWatch
from flyball.controllers.controller import Pending, Reach, Ruling, View
from flyball.controllers.edits import Edit, Finish, FinishThinking, Inject, ReplaceContext, Truncate
from flyball.controllers.named import Named
from flyball.core.chat_format import Thinking
from flyball.core.engine import EngineRequest, Grammar
from flyball.core.errors import ControllerError, EngineError, FlyballError
from flyball.core.events import Acted, Channel, ContextReplaced, FinishReason, Overshot
from flyball.core.ledger import Ledger

from .worlds import (
    AFTER,
    ANSWER_END,
    DELTAS,
    EOS,
    PATIENCE,
    THINK_END,
    WORDS,
    acted,
    after_tokens,
    call_number,
    calls,
    edits_once,
    ids,
    judges,
    notes,
    nothing_left,
    opened,
    plain,
    run,
    table,
    text_of,
    thinks,
    thought,
    ticks,
    when,
)

X, Y = Inject(" X"), Inject(" Y")


def think(tokens: int, repeat: bool = False) -> TokenWatch:
    return TokenWatch(tokens, Channel.THINK, repeat=repeat)


def verdict_at(tokens: int, pending: Pending, *edits: Edit, name: str = "judge") -> Named:
    return judges(name, think(tokens), pending, *edits)


def soon(count: int = 3) -> Pending:
    return Pending(lambda: ticks(count), PATIENCE)


async def failing(error: Exception) -> None:
    await asyncio.sleep(0)
    raise error


async def never() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("delta", [4, 6, 9, 12])
async def test_a_late_edit_takes_back_everything_after_its_boundary(delta: int) -> None:
    event = asyncio.Event()
    result = await run(
        thinks,
        controllers=[verdict_at(3, when(event), X)],
        gate=after_tokens(event, delta),
        thinking=Thinking.ON,
        late_tokens=4,
    )
    assert (result.shown.reasoning, result.shown.content) == (thought(3, " X"), "yes")
    assert [(event.late, event.detected) for event in result.trajectory.log if isinstance(event, Acted)] == [(True, 3)]
    assert result.trajectory.dropped >= delta - 3
    assert plain(result.episode)[0].reasoning == result.shown.reasoning


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("turns", [0, 1, 5, 40])
async def test_when_a_verdict_comes_does_not_change_what_happens(deltas: tuple[int, ...], turns: int) -> None:
    controllers = [verdict_at(3, soon(turns), X), edits_once("later", think(5), Y)]
    result = await run(thinks, controllers=controllers, deltas=deltas, thinking=Thinking.ON)
    after_x = text_of(WORDS[:3] + ids(" X") + AFTER[:2])
    assert result.kept().startswith(after_x)
    assert acted(result.trajectory)[-2:] == ["judge", "later"]
    assert result.shown.content == "yes"


async def test_a_late_edit_voids_edits_that_were_made_after_its_boundary() -> None:
    event = asyncio.Event()

    def gate(request: EngineRequest, delta: int) -> None:
        if call_number(request) == 1:
            event.set()

    controllers = [verdict_at(3, when(event), X), edits_once("later", think(5), Y)]
    result = await run(
        lambda request: WORDS[len(AFTER) :] if call_number(request) == 1 else thinks(request),
        controllers=controllers,
        gate=gate,
        thinking=Thinking.ON,
    )
    assert acted(result.trajectory) == ["later", "judge", "later"]
    assert result.kept().startswith(text_of(WORDS[:3]) + " X")


async def test_a_late_edit_restores_the_states_of_every_controller() -> None:
    event, states = asyncio.Event(), []

    def counts(state: tuple[int, ...], boundary: Boundary, view: View) -> Ruling[tuple[int, ...]]:
        states.append(state)
        return Ruling((*state, boundary.position))

    controllers = [table("counts", think(1, repeat=True), counts), verdict_at(3, when(event), Truncate(3))]
    await run(thinks, controllers=controllers, gate=after_tokens(event, 6), thinking=Thinking.ON)
    first = next(index for index in range(1, len(states)) if len(states[index]) <= len(states[index - 1]))
    assert len(states[first - 1]) >= 5
    assert states[first] == (1, 2, 3)


async def test_a_verdict_without_an_edit_changes_states_from_its_boundary_on_and_nothing_else() -> None:
    event, states = asyncio.Event(), []

    def counts(state: tuple[Any, ...], boundary: Boundary, view: View) -> Ruling[tuple[Any, ...]]:
        states.append(state)
        pending = when(event) if boundary.position == 2 else None
        return Ruling((*state, boundary.position), pending=pending)

    def heard(state: tuple[Any, ...], boundary: Boundary, result: Any, view: View) -> Ruling[tuple[Any, ...]]:
        return Ruling((*state, result))

    controller = table("counts", think(1, repeat=True), counts, heard, Reach.VERDICTS)
    result = await run(thinks, controllers=[controller], gate=after_tokens(event, 4), thinking=Thinking.ON)
    assert states[-1].index("judged") > 1
    assert [entry for entry in states[-1] if entry != "judged"] == list(range(1, 10))
    assert len(calls(result.trajectory)) == 1


async def test_a_verdict_that_never_comes_lets_the_request_go_on_and_a_note_says_so() -> None:
    pending = Pending(never, 0.01)
    result = await run(thinks, controllers=[verdict_at(3, pending, X)], thinking=Thinking.ON)
    assert (result.shown.reasoning, result.shown.content) == (text_of(WORDS), "yes")
    assert notes(result.trajectory) == ["no verdict within 0.01 s"]
    assert acted(result.trajectory) == []


async def test_a_verdict_whose_model_fails_lets_the_request_go_on_and_a_note_says_so() -> None:
    pending = Pending(lambda: failing(EngineError("the verifier is gone")), PATIENCE)
    result = await run(thinks, controllers=[verdict_at(3, pending, X)], thinking=Thinking.ON)
    assert result.shown.content == "yes"
    assert notes(result.trajectory) == ["no verdict: the verifier is gone"]


async def test_a_verdict_that_was_cancelled_by_others_lets_the_request_go_on() -> None:
    cancelled = asyncio.get_running_loop().create_future()
    cancelled.cancel()

    async def wait() -> Any:
        return await cancelled

    result = await run(thinks, controllers=[verdict_at(3, Pending(wait, PATIENCE), X)], thinking=Thinking.ON)
    assert result.shown.content == "yes"
    assert notes(result.trajectory) == ["no verdict: it was cancelled"]


@pytest.mark.parametrize("error", [ValueError("oh"), KeyError("oh")])
async def test_a_defect_in_a_verdicts_work_is_its_controllers_error(error: Exception) -> None:
    pending = Pending(lambda: failing(error), PATIENCE)
    with pytest.raises(ControllerError, match=r"controller 'judge' failed: \w+: .*oh"):
        await run(thinks, controllers=[verdict_at(3, pending, X)], thinking=Thinking.ON)


async def test_a_controllers_verdicts_come_in_the_order_in_which_it_opened_them() -> None:
    first, heard = asyncio.Event(), []

    def opens(state: None, boundary: Boundary, view: View) -> Ruling[None]:
        return Ruling(state, pending=when(first) if boundary.position == 2 else soon(1))

    def hears(state: None, boundary: Boundary, result: Any, view: View) -> Ruling[None]:
        heard.append(boundary.position)
        return Ruling(state)

    controller = table("orders", think(2, repeat=True), opens, hears, Reach.VERDICTS)
    await run(thinks, controllers=[controller], gate=after_tokens(first, 9), thinking=Thinking.ON)
    assert list(dict.fromkeys(heard)) == [2, 4, 6, 8, 10]


@pytest.mark.parametrize(("a", "b"), [(2, 2), (2, 30), (30, 2)], ids=["together", "a first", "b first"])
@pytest.mark.parametrize(
    ("edit_a", "edit_b", "kept"),
    [
        (X, Y, text_of(WORDS[:3]) + " X Y"),
        (X, FinishThinking("."), text_of(WORDS[:3]) + ".\n</think>"),
        (Finish(FinishReason.STOP), Y, text_of(WORDS[:3])),
    ],
    ids=["two injections", "an end of thinking", "a finish"],
)
async def test_late_edits_at_one_position_are_weighed_together_whichever_comes_first(
    a: int, b: int, edit_a: Edit, edit_b: Edit, kept: str
) -> None:
    controllers = [verdict_at(3, soon(a), edit_a, name="a"), verdict_at(3, soon(b), edit_b, name="b")]
    result = await run(thinks, controllers=controllers, thinking=Thinking.ON)
    assert result.kept().startswith(kept)
    if isinstance(edit_a, Finish):
        assert result.kept() == kept


async def test_an_edit_that_a_late_one_voids_at_its_own_position_leaves_no_state() -> None:
    states = []

    def injects(state: tuple[int, ...], boundary: Boundary, view: View) -> Ruling[tuple[int, ...]]:
        states.append(state)
        return Ruling((*state, boundary.position), () if state else (X,))

    early = table("early", think(3, repeat=True), injects)
    result = await run(
        lambda request: [*WORDS, *ids(f"</think>\n\nyes{EOS}")],
        controllers=[early, verdict_at(3, soon(4), FinishThinking("."))],
        thinking=Thinking.ON,
    )
    assert acted(result.trajectory) == ["early", "judge"]
    assert result.shown.reasoning == text_of(WORDS[:3]) + ".\n"
    assert states[0] == ()
    assert " X" not in result.kept()


async def test_a_late_edit_that_loses_against_what_happened_there_changes_nothing() -> None:
    controllers = [edits_once("cut", think(3), FinishThinking(".")), verdict_at(3, soon(4), X)]
    result = await run(thinks, controllers=controllers, thinking=Thinking.ON)
    assert acted(result.trajectory) == ["cut"]
    assert result.shown.reasoning == text_of(WORDS[:3]) + ".\n"
    assert len(calls(result.trajectory)) == 2


async def test_a_verdict_is_void_when_an_earlier_edit_took_its_boundary_back() -> None:
    ended = asyncio.Event()

    async def slow() -> str:
        try:
            await never()
        finally:
            for _ in range(20):
                await asyncio.sleep(0)
            ended.set()
        return "judged"

    first = asyncio.Event()
    controllers = [
        verdict_at(2, when(first), X, name="first"),
        verdict_at(5, Pending(slow, PATIENCE), Finish(FinishReason.STOP), name="second"),
    ]
    result = await run(
        lambda request: ids(f"</think>\n\nyes{EOS}") if call_number(request) else thinks(request),
        controllers=controllers,
        gate=after_tokens(first, 7),
        thinking=Thinking.ON,
    )
    assert acted(result.trajectory) == ["first"]
    assert ended.is_set()


@pytest.mark.parametrize("reason", ["stop", "length", "end"])
async def test_open_verdicts_are_awaited_at_every_end_and_may_take_it_back(reason: str) -> None:
    controllers = [verdict_at(3, soon(60), X)]
    if reason == "end":
        controllers.append(edits_once("ends", think(6), Finish(FinishReason.STOP)))
    result = await run(
        lambda request: [*WORDS[: 0 if call_number(request) else 10], *ids(f"</think>\n\nyes{EOS}")],
        controllers=controllers,
        thinking=Thinking.ON,
        max_tokens=5 if reason == "length" else None,
        stops=("es",),
    )
    assert result.kept().startswith(text_of(WORDS[:3]) + " X")
    assert acted(result.trajectory)[0 if reason != "end" else 1] == "judge"


async def test_a_verdict_at_the_answers_end_is_awaited_and_makes_the_model_go_on() -> None:
    script = lambda request: ids(f" and more{EOS}") if call_number(request) else ids(f"yes{EOS}")
    controllers = [judges("judge", ANSWER_END, soon(5), Inject(" but"))]
    result = await run(script, controllers=controllers, thinking=Thinking.OFF)
    assert result.kept() == f"yes but and more{EOS}"
    assert result.shown.content == "yes but and more"


async def test_a_finish_by_a_late_verdict_ends_the_trajectory_at_its_boundary() -> None:
    result = await run(thinks, controllers=[verdict_at(3, soon(5), Finish(FinishReason.LENGTH))], thinking=Thinking.ON)
    assert (result.kept(), result.shown.finish) == (text_of(WORDS[:3]), FinishReason.LENGTH)


async def test_a_late_edit_behind_a_replaced_context_takes_the_replacement_back() -> None:
    event = asyncio.Event()

    def gate(request: EngineRequest, delta: int) -> None:
        if call_number(request) == 1:
            event.set()

    fold = edits_once("fold", think(5), ReplaceContext(tuple(ids("folded"))))
    result = await run(
        lambda request: WORDS[:4] if call_number(request) == 1 else thinks(request),
        controllers=[verdict_at(3, when(event), X), fold],
        gate=gate,
        thinking=Thinking.ON,
    )
    prompt = result.trajectory.prompt_ids
    assert result.engine.requests[1].ids == ids("folded")
    assert result.engine.requests[2].ids == [*prompt, *WORDS[:3], *ids(" X")]
    assert sum(isinstance(event, ContextReplaced) for event in result.trajectory.log) == 2


async def test_thinking_that_a_limit_closed_is_open_again_when_that_is_taken_back() -> None:
    opener = ids("<think>")[0]
    event = asyncio.Event()

    def gate(request: EngineRequest, delta: int) -> None:
        if call_number(request) == 1:
            event.set()

    controllers = [verdict_at(3, when(event), X), {"name": "thinking_budget", "tokens": 6}]
    result = await run(
        lambda request: WORDS if call_number(request) != 1 else ids(" no"),
        controllers=controllers,
        gate=gate,
        thinking=Thinking.ON,
        max_tokens=8,
    )
    biases = [opener in (request.sampling.logit_bias or {}) for request in result.engine.requests]
    assert biases == [False, True, False, True]
    assert result.trajectory.thinking == 6


async def test_a_late_edit_in_thinking_takes_the_beginning_of_a_fixed_answer_back() -> None:
    event = asyncio.Event()
    grammar = Grammar(json_object=True)

    def script(request: EngineRequest) -> list[int]:
        if request.sampling.grammar is not None:
            event.set()
            return ids("{}" * 3 + EOS)
        return [*(AFTER if call_number(request) else WORDS), *ids("</think>")]

    result = await run(
        script, controllers=[verdict_at(3, when(event), X)], grammar=grammar, thinking=Thinking.ON, max_tokens=40
    )
    grammars = [request.sampling.grammar for request in result.engine.requests]
    assert grammars == [None, grammar, None, grammar]
    assert result.kept() == thought(3, " X") + "</think>\n\n" + "{}" * 3 + EOS


async def test_tokens_that_arrived_together_with_a_verdict_are_charged_and_dropped() -> None:
    event = asyncio.Event()
    loop = asyncio.get_running_loop()

    def gate(request: EngineRequest, delta: int) -> asyncio.Future[None] | None:
        if call_number(request) == 0 and delta == 4:
            opened = loop.create_future()
            loop.call_soon(event.set)
            loop.call_soon(opened.set_result, None)
            return opened
        return None

    result = await run(thinks, controllers=[verdict_at(3, when(event), X)], gate=gate, thinking=Thinking.ON)
    sampled = result.trajectory.sampled + result.trajectory.dropped
    assert result.shown.reasoning == thought(3, " X")
    assert result.episode.ledger.spent("tokens") == sampled
    assert any(isinstance(event, Overshot) for event in result.trajectory.log) or result.trajectory.dropped > 0


async def test_the_budgets_seconds_end_the_waiting_for_verdicts() -> None:
    now = 0.0

    def gate(request: EngineRequest, delta: int) -> None:
        nonlocal now
        now = 59.99 if text_of(request.ids).endswith("<think>\n") and delta == len(WORDS) else now

    judge = verdict_at(3, Pending(never, 1e6), X)
    episode, engine = opened(thinks, controllers=[judge], gate=gate, thinking=Thinking.ON, budget={"seconds": 60})
    episode.ledger = Ledger({"seconds": 60}, clock=lambda: now)
    async with asyncio.timeout(PATIENCE):
        async for _ in episode.pieces():
            pass
    trajectory = episode.trials[0].trajectory
    assert text_of(trajectory.ids) == text_of(WORDS) + f"</think>\n\nyes{EOS}"
    assert notes(trajectory) == ["open verdicts were given up: the budget's seconds are spent"]
    await nothing_left(engine)


async def test_an_error_of_the_engine_ends_open_verdicts() -> None:
    episode, engine = opened(thinks, controllers=[verdict_at(3, Pending(never, 1e6), X)], thinking=Thinking.ON)
    with pytest.raises(FlyballError):
        async with asyncio.timeout(PATIENCE):
            async for _ in episode.pieces():
                engine.die()
    await nothing_left(engine)


async def test_random_numbers_of_a_controller_do_not_depend_on_when_its_verdict_comes() -> None:
    drawn = []

    def at(state: None, boundary: Boundary, view: View) -> Ruling[None]:
        return Ruling(state, pending=soon(turns))

    def verdict(state: None, boundary: Boundary, result: Any, view: View) -> Ruling[None]:
        drawn.append(view.random.random())
        return Ruling(state, (X,))

    for turns in (1, 30):  # noqa: B007  read by `at`
        await run(thinks, controllers=[table("a", think(3), at, verdict, Reach.VERDICTS)], thinking=Thinking.ON, seed=5)
    assert drawn[0] == drawn[-1]


async def test_a_verdict_over_the_end_of_thinking_can_drop_the_marker_and_let_the_model_think_on() -> None:
    def verdict(state: Any, boundary: Boundary, result: Any, view: View) -> Ruling[Any]:
        return Ruling((*state, "heard"), (Truncate(boundary.position),))

    def at(state: Any, boundary: Boundary, view: View) -> Ruling[Any]:
        return Ruling((*state, "asked"), pending=None if state else soon(4))

    controller = table("on", THINK_END, at, verdict, Reach.VERDICTS)
    result = await run(thinks, controllers=[controller], thinking=Thinking.ON)
    assert result.shown.reasoning == text_of(WORDS + AFTER)
    assert plain(result.episode)[0].reasoning == result.shown.reasoning
