"""Order of edits: the table of rule 3, and the same table as runs of the whole loop."""

from collections.abc import Sequence

import pytest

from flyball.controllers.boundary import Boundary, TokenWatch
from flyball.controllers.controller import Reach, Ruling, View
from flyball.controllers.edits import (
    Edit,
    Finish,
    FinishThinking,
    Inject,
    Proposal,
    ReplaceContext,
    Resolution,
    Truncate,
    resolve,
)
from flyball.controllers.named import Named
from flyball.core.chat_format import Thinking
from flyball.core.engine import EngineRequest
from flyball.core.errors import ControllerError
from flyball.core.events import Channel, FinishReason

from .worlds import (
    AFTER,
    DELTAS,
    EOS,
    START,
    THINK_END,
    WORDS,
    acted,
    call_number,
    calls,
    edits_once,
    ids,
    notes,
    run,
    table,
    text_of,
    thinks,
    thought,
)

X, Y = Inject(" X"), Inject(" Y")
CLOSE, STOP, LENGTH = FinishThinking("."), Finish(FinishReason.STOP), Finish(FinishReason.LENGTH)
FOLD = ReplaceContext((1, 2, 3))


def proposal(controller: int, position: int, *edits: Edit) -> Proposal:
    return Proposal(controller, position, edits)


@pytest.mark.parametrize(
    ("proposals", "resolution"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param([proposal(0, 9)], None, id="no edits"),
        pytest.param([proposal(0, 9, X)], Resolution(9, (X,), frozenset({0})), id="one"),
        pytest.param(
            [proposal(0, 9, X), proposal(1, 7, Y)], Resolution(7, (Y,), frozenset({1})), id="the earliest position"
        ),
        pytest.param(
            [proposal(0, 9, X), proposal(1, 9, Truncate(5))],
            Resolution(5, (), frozenset({1})),
            id="a truncation before an injection",
        ),
        pytest.param(
            [proposal(0, 9, Truncate(6), X), proposal(1, 9, Truncate(5), Y)],
            Resolution(5, (Y,), frozenset({1})),
            id="the smallest truncation",
        ),
        pytest.param(
            [proposal(0, 9, Truncate(8), Truncate(5), X)],
            Resolution(5, (X,), frozenset({0})),
            id="the smaller of one controller's",
        ),
        pytest.param(
            [proposal(0, 9, Truncate(5), X), proposal(1, 9, Truncate(5), Y)],
            Resolution(5, (X, Y), frozenset({0, 1})),
            id="truncations to one position join",
        ),
        pytest.param([proposal(0, 9, Truncate(12), X)], Resolution(9, (X,), frozenset({0})), id="no truncation ahead"),
        pytest.param(
            [proposal(0, 9, Truncate(5)), proposal(1, 9, STOP)],
            Resolution(5, (), frozenset({0})),
            id="a truncation before a finish",
        ),
        pytest.param(
            [proposal(0, 9, CLOSE), proposal(1, 9, STOP)],
            Resolution(9, (STOP,), frozenset({1})),
            id="a finish before an end of thinking",
        ),
        pytest.param(
            [proposal(0, 9, STOP), proposal(1, 9, LENGTH)],
            Resolution(9, (STOP,), frozenset({0})),
            id="the first finish",
        ),
        pytest.param(
            [proposal(0, 9, X), proposal(1, 9, CLOSE)],
            Resolution(9, (CLOSE,), frozenset({1})),
            id="an end of thinking before an injection",
        ),
        pytest.param(
            [proposal(0, 9, X), proposal(1, 9, FOLD)],
            Resolution(9, (FOLD, X), frozenset({0, 1})),
            id="a replaced context before an injection",
        ),
        pytest.param(
            [proposal(1, 9, Y), proposal(0, 9, X)],
            Resolution(9, (X, Y), frozenset({0, 1})),
            id="injections in the request's order",
        ),
    ],
)
def test_one_resolution_of_edits_that_were_proposed_together(
    proposals: Sequence[Proposal], resolution: Resolution | None
) -> None:
    assert resolve(proposals) == resolution


# -- whole runs -----------------------------------------------------------------------------------------------------


def at(tokens: int, *edits: Edit, name: str = "a", reach: Reach = Reach.NONE) -> Named:
    return edits_once(name, TokenWatch(tokens, Channel.THINK), *edits, reach=reach)


def reaching(tokens: int, *edits: Edit, name: str = "a") -> Named:
    return at(tokens, *edits, name=name, reach=Reach.TRAJECTORY)


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize(
    ("controllers", "reasoning", "content"),
    [
        pytest.param([at(3, X)], thought(3, " X"), "yes", id="injection"),
        pytest.param([at(3, X), at(3, Y, name="b")], thought(3, " X Y"), "yes", id="two injections"),
        pytest.param(
            [at(3, X), edits_once("b", TokenWatch(3, Channel.THINK, repeat=True), Y)],
            thought(3, " X Y"),
            "yes",
            id="two watches of one position",
        ),
        pytest.param([at(5, Y, name="b"), at(3, X)], None, "yes", id="the earlier position acts first"),
        pytest.param([reaching(5, Truncate(2))], thought(2), "yes", id="truncation"),
        pytest.param([reaching(5, Truncate(2), X)], thought(2, " X"), "yes", id="truncation and injection"),
        pytest.param([at(5, X), reaching(5, Truncate(2), name="b")], thought(2), "yes", id="truncation wins"),
        pytest.param([reaching(4, Truncate(0))], text_of(AFTER), "yes", id="truncation to the beginning"),
        pytest.param([at(4, X), at(4, CLOSE, name="b")], text_of(WORDS[:4]) + ".\n", None, id="thinking is closed"),
        pytest.param([at(4, CLOSE), at(4, STOP, name="b")], text_of(WORDS[:4]), "", id="finish"),
        pytest.param([edits_once("a", THINK_END, X)], text_of(WORDS + ids(" X") + AFTER), "yes", id="think end"),
        pytest.param(
            [at(10, X, name="b"), edits_once("a", THINK_END, Y)], None, "yes", id="thinking's end comes after a count"
        ),
        pytest.param([edits_once("a", START, X)], text_of(ids(" X") + WORDS), "yes", id="start"),
    ],
)
async def test_what_happens_does_not_depend_on_how_tokens_arrive(
    controllers: list[Named], reasoning: str | None, content: str | None, deltas: tuple[int, ...]
) -> None:
    result = await run(thinks, controllers=controllers, deltas=deltas, thinking=Thinking.ON)
    one_by_one = await run(thinks, controllers=controllers, thinking=Thinking.ON)
    assert result.trajectory.ids == one_by_one.trajectory.ids
    assert acted(result.trajectory) == acted(one_by_one.trajectory)
    if reasoning is not None:
        assert result.shown.reasoning == reasoning
    if content is not None:
        assert result.shown.content == content


async def test_an_injection_raises_no_boundary() -> None:
    watch = TokenWatch(2, Channel.THINK, repeat=True)
    asked = []

    def once(state: tuple[int, ...], boundary: Boundary, view: View) -> Ruling[tuple[int, ...]]:
        asked.append(text_of(view.trajectory.ids))
        return Ruling((*state, boundary.position), () if state else (Inject(" one two three four"),))

    await run(thinks, controllers=[table("a", watch, once)], thinking=Thinking.ON)
    assert asked[0] == text_of(WORDS[:2])
    assert asked[1] == text_of(WORDS[:2] + ids(" one two three four") + AFTER[:2])


async def test_a_voided_controller_keeps_no_trace_of_what_it_wanted() -> None:
    states = []

    def wants(state: tuple[int, ...], boundary: Boundary, view: View) -> Ruling[tuple[int, ...]]:
        states.append(state)
        return Ruling((*state, boundary.position), (X,) if len(states) == 2 else ())

    loser = table("loser", TokenWatch(2, Channel.THINK, repeat=True), wants)
    result = await run(thinks, controllers=[loser, reaching(4, Truncate(3), name="winner")], thinking=Thinking.ON)
    assert acted(result.trajectory) == ["winner"]
    assert states[:3] == [(), (2,), (2,)]


async def test_a_controller_that_is_asked_at_the_position_of_an_edit_keeps_its_state() -> None:
    states = []

    def counts(state: tuple[int, ...], boundary: Boundary, view: View) -> Ruling[tuple[int, ...]]:
        states.append(state)
        return Ruling((*state, boundary.position))

    counting = table("counting", TokenWatch(3, Channel.THINK, repeat=True), counts)
    await run(lambda request: WORDS, controllers=[at(3, X), counting], thinking=Thinking.ON, max_tokens=9)
    assert [len(state) for state in states] == [0, 1, 2]


async def test_a_truncation_restores_the_states_at_its_position() -> None:
    states = []

    def counts(state: tuple[int, ...], boundary: Boundary, view: View) -> Ruling[tuple[int, ...]]:
        states.append(state)
        return Ruling((*state, boundary.position))

    counting = table("counting", TokenWatch(1, Channel.THINK, repeat=True), counts)
    await run(thinks, controllers=[counting, reaching(5, Truncate(2), name="b")], thinking=Thinking.ON)
    assert states[:6] == [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), (1, 2)]


async def test_what_a_truncating_controller_remembers_holds_from_where_it_went_back_to() -> None:
    states = []

    def at_five(state: tuple[int, ...], boundary: Boundary, view: View) -> Ruling[tuple[int, ...]]:
        states.append(state)
        return Ruling((*state, boundary.position), () if state else (Truncate(2),))

    first = table("first", TokenWatch(5, Channel.THINK), at_five, reach=Reach.TRAJECTORY)
    second = reaching(4, Truncate(3), name="second")
    await run(lambda request: WORDS, controllers=[first, second], thinking=Thinking.ON, max_tokens=10)
    assert states == [(), (5,)]


async def test_controllers_are_asked_in_the_requests_order() -> None:
    asked: list[str] = []

    def asker(name: str) -> Named:
        def at_boundary(state: object, boundary: Boundary, view: View) -> Ruling[object]:
            asked.append(name)
            return Ruling(state)

        return table(name, TokenWatch(3, Channel.THINK), at_boundary)

    await run(thinks, controllers=[asker("b"), asker("a"), asker("c")], thinking=Thinking.ON)
    assert asked == ["b", "a", "c"]


async def test_the_number_of_edits_is_bounded_and_the_client_is_told() -> None:
    def always(state: None, boundary: Boundary, view: View) -> Ruling[None]:
        return Ruling(state, (X,))

    again = table("again", TokenWatch(1, Channel.THINK, repeat=True), always)
    result = await run(thinks, controllers=[again], thinking=Thinking.ON, max_edits=3)
    assert acted(result.trajectory) == ["again"] * 3
    assert len(calls(result.trajectory)) == 4
    assert notes(result.trajectory) == ["the limit of 3 edits was met; later ones are ignored"]
    assert result.shown.content == "yes"


async def test_past_the_bound_thinking_can_still_be_closed_by_a_limit_and_a_trajectory_finished() -> None:
    edits = [at(2, X), at(4, FinishThinking("."), name="budget")]
    closed = await run(lambda request: WORDS, controllers=edits, thinking=Thinking.ON, max_edits=1, max_tokens=8)
    assert acted(closed.trajectory) == ["a", "budget"]
    ended = await run(thinks, controllers=[at(2, X), at(3, STOP, name="end")], thinking=Thinking.ON, max_edits=1)
    assert acted(ended.trajectory) == ["a", "end"]


async def test_past_the_bound_edits_that_cannot_happen_do_not_stand_in_the_way_of_those_that_can() -> None:
    edits = [at(2, X), reaching(4, Truncate(1), name="truncates"), at(4, STOP, name="ends")]
    result = await run(thinks, controllers=edits, thinking=Thinking.ON, max_edits=1)
    assert acted(result.trajectory) == ["a", "ends"]


@pytest.mark.parametrize("deltas", DELTAS)
async def test_a_ledgers_stop_comes_before_every_edit_of_its_position(deltas: tuple[int, ...]) -> None:
    for edit in (X, STOP, CLOSE):
        result = await run(thinks, controllers=[at(3, edit)], thinking=Thinking.ON, budget={"tokens": 3}, deltas=deltas)
        assert acted(result.trajectory) == []
        assert (result.shown.reasoning, result.shown.finish) == (text_of(WORDS[:3]), FinishReason.LENGTH)
        assert result.trajectory.finished is not None
        assert result.trajectory.finished.by == "budget.tokens"


async def test_a_replaced_context_is_what_the_engine_sees_and_the_transcript_keeps_all() -> None:
    result = await run(thinks, controllers=[at(3, FOLD, X)], thinking=Thinking.ON)
    assert result.engine.requests[1].ids == [1, 2, 3, *ids(" X")]
    assert result.shown.reasoning == thought(3, " X")


@pytest.mark.parametrize(
    ("reach", "to"), [(Reach.NONE, 4), (Reach.VERDICTS, 4), (Reach.TRAJECTORY, -1)], ids=["none", "verdicts", "all"]
)
@pytest.mark.parametrize("deltas", DELTAS)
async def test_an_edit_behind_a_controllers_reach_is_its_error(reach: Reach, to: int, deltas: tuple[int, ...]) -> None:
    holds = edits_once("holds", START, reach=Reach.TRAJECTORY)
    with pytest.raises(ControllerError, match="'early' truncates to"):
        await run(
            thinks,
            controllers=[holds, at(5, Truncate(to), name="early", reach=reach)],
            thinking=Thinking.ON,
            deltas=deltas,
        )


async def test_finishing_thinking_where_none_is_open_changes_nothing() -> None:
    watch = TokenWatch(1, Channel.ANSWER)
    result = await run(thinks, controllers=[edits_once("a", watch, CLOSE)], thinking=Thinking.ON)
    assert result.kept() == text_of(WORDS) + f"</think>\n\nyes{EOS}"
    assert len(calls(result.trajectory)) == 1


def test_the_model_of_these_tests_writes_enough() -> None:
    assert len(WORDS) == 10
    assert len(AFTER) >= 2


async def test_thinking_that_no_limit_closed_may_be_opened_again() -> None:
    def again(request: EngineRequest) -> list[int]:
        return ids(f" so <think> more</think>\n\nyes{EOS}") if call_number(request) else WORDS

    result = await run(again, controllers=[at(3, FinishThinking(".", limit=False))], thinking=Thinking.ON)
    assert result.shown.reasoning == text_of(WORDS[:3]) + ".\n more"
    assert {len(request.sampling.logit_bias or {}) for request in result.engine.requests} == {0}
