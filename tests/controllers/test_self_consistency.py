"""self_consistency: a majority of samples, in windows that may end early."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from flyball.controllers.boundary import TokenWatch
from flyball.controllers.edits import Inject
from flyball.controllers.registry import build_strategy
from flyball.controllers.strategies.self_consistency import Votes
from flyball.controllers.strategy import Outcome, Trials
from flyball.core.chat_format import Thinking
from flyball.core.engine import EngineRequest
from flyball.core.errors import ControllerError, EngineDead, RequestError
from flyball.core.events import FinishReason

from .worlds import EOS, PATIENCE, Run, acted, choice_number, edits_once, ids, nothing_left, opened, run, setting

MISSING = None


def strategy(**params: Any) -> Any:
    return build_strategy({"name": "self_consistency", **params}, setting())


def answers(*given: str | None) -> Any:
    """A model whose i-th trajectory gives the i-th answer."""

    def script(request: EngineRequest) -> list[int]:
        answer = given[choice_number(request)]
        return ids(f"trial {choice_number(request)}: " + (f"\\boxed{{{answer}}}" if answer else "no idea") + EOS)

    return script


async def vote(given: Sequence[str | None], **options: Any) -> Run:
    params = {key: options.pop(key) for key in ("window", "in_flight", "stop_when_decided") if key in options}
    return await run(answers(*given), strategy=strategy(n=len(given), **params), thinking=Thinking.OFF, **options)


def figures(result: Run) -> dict[str, Any]:
    (note,) = result.episode.notes
    return {key: value for key, value in note.items() if key != "by"}


ALL: dict[str, Any] = {"stop_when_decided": False}


@pytest.mark.parametrize(
    ("given", "index", "agreeing"),
    [
        (["1", "2", "2"], 1, 2),
        (["1", "2", "2", "1"], 0, 2),
        (["2", "1", "1", "2"], 0, 2),
        (["3", "1", "2", "2", "1"], 1, 2),
        (["1", r"\frac{1}{2}", "0.5"], 1, 2),
        ([MISSING, MISSING, "4"], 2, 1),
        ([MISSING, MISSING, MISSING], 0, 0),
        (["7"], 0, 1),
    ],
)
async def test_the_answer_of_most_wins_and_a_tie_goes_to_the_first(
    given: list[str | None], index: int, agreeing: int
) -> None:
    result = await vote(given, **ALL)
    assert result.shown.content.startswith(f"trial {index}: ")
    assert figures(result) | {"answers": 0} == {
        "started": len(given),
        "finished": len(given),
        "agreeing": agreeing,
        "answers": 0,
    }
    assert result.shown.finish == FinishReason.STOP


async def test_missing_answers_never_agree_even_in_a_window() -> None:
    result = await vote([MISSING] * 6, window=3)
    assert figures(result) == {"started": 6, "finished": 6, "agreeing": 0, "answers": 0}


async def test_a_window_that_agrees_ends_the_sampling() -> None:
    result = await vote(["1", "2", "2", "2", "2", "2", "3", "3", "3"], window=3)
    assert figures(result) == {"started": 6, "finished": 6, "agreeing": 5, "answers": 2}
    assert result.shown.content.startswith("trial 1: ")


async def test_a_window_that_agrees_wins_even_against_a_larger_group() -> None:
    given = ["1", "1", "2", "1", "1", "2", "2", "2", "2", "1", "1", "1"]
    result = await vote(given, window=3, **ALL)
    assert figures(result)["finished"] == 9
    assert result.shown.content.startswith("trial 2: ")


@pytest.mark.parametrize("window", [0, 2, 3, 5])
@pytest.mark.parametrize(
    "given",
    [
        ["1", "1", "1", "1", "2", "1", "1", "1", "1", "2", "2", "2", "2", "2", "2"],
        ["1", "1", "1", "2", "1", "2", "1", "1", "1", "1", "2", "1"],
        ["1", "2", "1", "2", "1", "2", "1", "2"],
        ["1", MISSING, "1", MISSING, "1", "2", "2", "2", "2"],
        ["1"] * 9,
    ],
)
async def test_stopping_when_the_vote_is_decided_does_not_change_the_answer(
    given: list[str | None], window: int
) -> None:
    short = await vote(given, window=window)
    whole = await vote(given, window=window, **ALL)
    assert short.shown.content.partition(": ")[2] == whole.shown.content.partition(": ")[2]
    assert figures(short)["finished"] <= figures(whole)["finished"]


async def test_a_decided_vote_stops_sampling() -> None:
    result = await vote(["1", "1", "1", "2", "2"], in_flight=1)
    assert figures(result) == {"started": 3, "finished": 3, "agreeing": 3, "answers": 1}


@pytest.mark.parametrize(
    ("params", "first"), [({}, 6), ({"in_flight": 2}, 2), ({"window": 3}, 3), ({"window": 3, "in_flight": 5}, 5)]
)
async def test_so_many_samples_are_decoded_at_once(params: dict[str, int], first: int) -> None:
    gate = asyncio.get_running_loop().create_future()
    episode, engine = opened(
        answers(*"123456"),
        strategy=strategy(n=6, stop_when_decided=False, **params),
        gate=lambda request, delta: gate,
        thinking=Thinking.OFF,
    )
    pieces = episode.pieces()
    task = asyncio.ensure_future(anext(pieces))
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(engine.requests) == first
    gate.set_result(None)
    async with asyncio.timeout(PATIENCE):
        await task
    await pieces.aclose()
    await nothing_left(engine)


@pytest.mark.parametrize("late_tokens", [0, 3])
async def test_samples_that_are_not_needed_any_more_are_cancelled(late_tokens: int) -> None:
    never = asyncio.get_running_loop().create_future()
    result = await run(
        answers("1", "1", "1", "2", "2"),
        strategy=strategy(n=5),
        gate=lambda request, delta: never if choice_number(request) >= 3 and delta >= 2 else None,
        late_tokens=late_tokens,
        thinking=Thinking.OFF,
    )
    assert figures(result) == {"started": 5, "finished": 3, "agreeing": 3, "answers": 1}
    reasons = [trial.trajectory.finished.reason for trial in result.episode.trials if trial.trajectory.finished]
    assert reasons == [FinishReason.STOP] * 3 + [FinishReason.CANCELLED] * 2
    assert result.engine.late == 2 * late_tokens


async def test_samples_take_equal_shares_of_a_budget_and_give_back_what_they_leave() -> None:
    words = ids("one two three four five six seven") * 9
    result = await run(
        lambda request: words, strategy=strategy(n=4, **ALL), budget={"tokens": 43}, thinking=Thinking.OFF
    )
    assert [trial.trajectory.sampled for trial in result.episode.trials] == [10, 11, 11, 11]
    assert result.episode.ledger.spent("tokens") == 43
    assert result.shown.finish == FinishReason.LENGTH


async def test_what_an_early_sample_leaves_is_for_the_later_ones() -> None:
    words = ids("one two three four five six seven") * 9
    script = lambda request: ids(EOS) if choice_number(request) == 0 else words
    result = await run(script, strategy=strategy(n=3, in_flight=1, **ALL), budget={"tokens": 31}, thinking=Thinking.OFF)
    assert [trial.trajectory.sampled for trial in result.episode.trials] == [1, 15, 15]


async def test_more_samples_than_the_budget_has_tokens_end_at_once() -> None:
    result = await run(
        lambda request: ids("one two three"), strategy=strategy(n=8, **ALL), budget={"tokens": 3}, thinking=Thinking.OFF
    )
    assert sum(trial.trajectory.sampled for trial in result.episode.trials) == 3
    assert result.episode.ledger.spent("tokens") == 3


@pytest.mark.parametrize("in_flight", [0, 1, 2])
async def test_a_budget_that_allows_fewer_trajectories_gets_fewer(in_flight: int) -> None:
    given = ["1", "2", "2", "1", "1", "1"]
    result = await vote(given, in_flight=in_flight, budget={"fan_out": 3, "tokens": 300}, **ALL)
    assert figures(result) == {"started": 3, "finished": 3, "agreeing": 2, "answers": 2}
    assert result.shown.content.startswith("trial 1: ")
    assert result.episode.ledger.spent("fan_out") == 3


async def test_a_budget_that_allows_no_trajectory_is_refused() -> None:
    with pytest.raises(RequestError) as refused:
        await vote(["1", "2"], budget={"fan_out": 0})
    assert refused.value.param == "flyball.budget.fan_out"


async def test_the_same_seed_gives_the_same_result() -> None:
    runs = [await vote(["1", "2", "2", "3"], seed=5) for _ in range(2)]
    assert runs[0].shown == runs[1].shown
    assert sorted(request.sampling.seed or 0 for request in runs[0].engine.requests) == [5, 6, 7, 8]


async def test_controllers_steer_every_sample() -> None:
    controllers = [edits_once("says", TokenWatch(2), Inject(" hm"))]
    result = await vote(["1", "2", "2"], controllers=controllers, **ALL)
    assert [acted(trial.trajectory) for trial in result.episode.trials] == [["says"]] * 3
    assert " hm" in result.shown.content


async def test_an_engine_that_dies_ends_the_request_with_its_error() -> None:
    episode, engine = opened(answers("1", "2", "3"), strategy=strategy(n=3), thinking=Thinking.OFF)
    engine.die()
    with pytest.raises(EngineDead):
        async with asyncio.timeout(PATIENCE):
            async for _ in episode.pieces():
                pass
    await nothing_left(engine)


class Broken:
    """A strategy with a defect."""

    params: Any = None
    fan_out = 1

    async def run(self, trials: Trials) -> Outcome:
        raise LookupError("a defect")


async def test_a_defect_in_a_strategy_is_its_own_error() -> None:
    with pytest.raises(ControllerError, match="strategy 'strategy' failed: LookupError: a defect"):
        await run(answers("1"), strategy=Broken())


async def test_a_trajectory_of_a_strategy_is_not_streamed() -> None:
    result = await vote(["1", "2"], **ALL)
    assert all(request.whole for request in result.engine.requests)


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"n": 0}, "flyball.strategy.n"),
        ({"n": 3, "window": 4}, "flyball.strategy."),
        ({"window": 1}, "flyball.strategy."),
        ({"samples": 4}, "flyball.strategy.samples"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(params: dict[str, int], path: str) -> None:
    with pytest.raises(RequestError) as refused:
        strategy(**params)
    assert refused.value.param is not None
    assert refused.value.param.startswith(path.rstrip("."))


async def test_votes_are_counted_by_samples_whatever_the_order_they_come_in() -> None:
    votes = Votes()
    assert not votes.decided(0)
    for index, answer in [(3, "1"), (2, "2"), (0, "2"), (1, "1.0"), (4, None)]:
        await votes.add(index, answer)
    assert votes.ranked() == [[2, 0], [3, 1]]
    assert votes.agree([0, 2])
    assert not votes.agree([4])
    assert not votes.decided(0)
