"""deepconf: traces without confidence are stopped or left out, and the others vote with their weight."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from flyball.controllers.confidence.measures import confidences, measured, token_confidence, window_means
from flyball.controllers.confidence.stopping import Window, slid
from flyball.controllers.controller import Setting
from flyball.controllers.registry import build_strategy
from flyball.core.chat_format import Thinking
from flyball.core.engine import Abilities, EngineRequest, TokenLogprob
from flyball.core.errors import EngineDead, RequestError

from .early import start_comparing
from .worlds import EOS, PATIENCE, Run, acted, choice_number, ids, nothing_left, opened, pocket, run, setting


@pytest.fixture(scope="module", autouse=True)
def comparing() -> None:
    start_comparing()


def strategy(**params: Any) -> Any:
    return build_strategy({"name": "deepconf", "window": 4, "every": 2, **params}, setting())


Given = tuple[str | None, Sequence[float]]
"""A trace: its answer, and how sure it is in the words before that."""
SURE, UNSURE = 3.0, 1.0


def traces(*given: Given) -> Any:
    def script(request: EngineRequest) -> Iterable[tuple[int, float]]:
        answer, course = given[choice_number(request)]
        said = ids(f" \\boxed{{{answer}}}{EOS}" if answer else f" no idea{EOS}")
        words = ids(" a")[0]
        # the scripted engine's other tokens are less likely by 1: a confidence of c is a log-probability of 0.95 - c
        yield from ((words, 0.95 - sure) for sure in course)
        yield from ((token, 0.95 - course[-1]) for token in said)

    return script


async def voted(given: Sequence[Given], **params: Any) -> Run:
    return await run(traces(*given), strategy=strategy(n=len(given), **params), thinking=Thinking.OFF)


def figures(result: Run) -> dict[str, Any]:
    (note,) = result.episode.notes
    return {key: value for key, value in note.items() if key != "by"}


def level(sure: float, tokens: int = 12) -> list[float]:
    return [sure] * tokens


async def test_online_a_trace_that_loses_confidence_is_stopped_and_does_not_vote() -> None:
    dip = [*level(SURE, 6), *level(UNSURE, 6), *level(SURE, 20)]
    result = await voted([("4", level(2.0)), ("5", level(2.2)), ("4", level(SURE)), ("5", dip)], warmup=2, eta=100)
    seen = figures(result)
    assert (seen["stopped"], seen["voting"], seen["agreeing"]) == (1, 3, 2)
    assert result.shown.content.endswith("\\boxed{4}")
    stopped = next(trial for trial in result.episode.trials if trial.index == 3)
    assert acted(stopped.trajectory) == ["deepconf"]
    assert len(stopped.trajectory.ids) in (8, 10)


async def test_a_trace_that_is_shorter_than_a_window_is_never_stopped() -> None:
    result = await voted([("4", level(2.0)), ("4", level(UNSURE))], warmup=1, window=40)
    assert figures(result)["stopped"] == 0


@pytest.mark.parametrize(("eta", "voting"), [(100, 4), (75, 3), (10, 1)])
async def test_eta_percent_of_the_warm_up_vote(eta: int, voting: int) -> None:
    given = [(str(number), level(sure)) for number, sure in enumerate((1.0, 2.0, 3.0, 4.0))]
    result = await voted(given, warmup=4, eta=eta)
    assert figures(result)["voting"] == voting
    assert result.shown.content.endswith("\\boxed{3}")


@pytest.mark.parametrize(("weighted", "answer"), [(True, "5"), (False, "4")])
@pytest.mark.parametrize("mode", ["offline", "online"])
async def test_votes_have_the_weight_of_their_confidence(mode: str, weighted: bool, answer: str) -> None:
    given = [("4", level(1.0)), ("4", level(1.2)), ("5", level(4.0))]
    result = await voted(given, mode=mode, warmup=3, eta=100, weighted=weighted)
    assert result.shown.content.endswith(f"\\boxed{{{answer}}}")


async def test_answers_in_other_forms_are_one_answer() -> None:
    given = [("0.5", level(1.0)), ("\\frac{1}{2}", level(1.0)), ("7", level(1.5))]
    result = await voted(given, mode="offline", eta=100)
    assert figures(result)["agreeing"] == 2


async def test_without_an_answer_among_those_that_may_vote_all_vote() -> None:
    result = await voted([(None, level(4.0)), ("6", level(1.0))], mode="offline", eta=10)
    assert result.shown.content.endswith("\\boxed{6}")


async def test_without_any_answer_the_surest_trace_answers() -> None:
    result = await voted([(None, level(1.0, 5)), (None, level(4.0, 9))], mode="offline")
    assert result.shown.content.count(" a") == 9


async def test_a_budget_of_fewer_trajectories_is_enough_for_fewer_traces() -> None:
    given = [("4", level(2.0))] * 6
    result = await run(traces(*given), strategy=strategy(n=6, warmup=4), thinking=Thinking.OFF, budget={"fan_out": 3})
    assert figures(result)["started"] == 3
    assert result.shown.content.endswith("\\boxed{4}")


async def test_a_budget_of_no_trajectory_is_refused() -> None:
    with pytest.raises(RequestError):
        await run(traces(("4", level(1.0))), strategy=strategy(n=2, warmup=2), budget={"fan_out": 0})


async def test_only_so_many_are_decoded_at_once() -> None:
    most = 0

    def gate(request: EngineRequest, delta: int) -> None:
        nonlocal most
        most = max(most, len(engine._running))

    given = [("4", level(2.0))] * 6
    episode, engine = opened(traces(*given), strategy=strategy(n=6, warmup=6, in_flight=2), gate=gate)
    async with asyncio.timeout(PATIENCE):
        async for _ in episode.pieces():
            pass
    assert most == 2
    await nothing_left(engine)


async def test_an_engine_that_dies_ends_all_traces() -> None:
    episode, engine = opened(traces(*[("4", level(2.0, 50))] * 4), strategy=strategy(n=4, warmup=4))
    engine.die()
    with pytest.raises(EngineDead):
        async with asyncio.timeout(PATIENCE):
            async for _ in episode.pieces():
                pass
    await nothing_left(engine)


def test_an_engine_without_log_probabilities_is_refused() -> None:
    told = Setting(pocket(), Abilities(context_length=100, max_logprobs=0))
    with pytest.raises(RequestError):
        build_strategy({"name": "deepconf"}, told)


def test_a_warm_up_that_does_not_fit_is_refused() -> None:
    with pytest.raises(RequestError):
        strategy(n=4, warmup=5)


# -- measures ------------------------------------------------------------------------------------------------------


def places(*sure: float) -> dict[int, TokenLogprob]:
    return {position: TokenLogprob(-value, ((0, -value),)) for position, value in enumerate(sure)}


def test_a_tokens_confidence_is_minus_the_mean_of_its_likeliest() -> None:
    assert token_confidence(TokenLogprob(-0.1, ((1, -0.1), (2, -3.0), (3, -5.0)))) == pytest.approx(2.7)
    assert token_confidence(TokenLogprob(-0.1)) == 0.0
    assert token_confidence(TokenLogprob(0.0, ((1, 0.0), (2, float("-inf")), (3, float("nan"))))) == pytest.approx(
        200 / 3
    )
    assert confidences(places(1.0, 2.0)) == [1.0, 2.0]


@pytest.mark.parametrize(("measure", "value"), [("lowest", 1.5), ("mean", 3.0), ("tail", 4.5), ("bottom", 1.5)])
def test_measures_of_a_trace(measure: Any, value: float) -> None:
    assert measured(places(1.0, 2.0, 6.0, 3.0), measure, 2) == pytest.approx(value)


def test_a_trace_of_fewer_tokens_than_a_window_is_one_window_and_none_has_no_confidence() -> None:
    assert window_means([1.0, 3.0], 5) == [2.0]
    assert window_means([], 5) == []
    assert measured({}, "lowest", 5) == 0.0


@pytest.mark.parametrize("every", [1, 2, 3, 7])
def test_the_sliding_window_finds_the_lowest_of_all_windows(every: int) -> None:
    sure = places(*[(7 * number) % 11 + 0.5 for number in range(21)])
    window = Window()
    for end in [*range(every, 21, every), 21]:
        window = slid(window, sure, end, 4)
    assert window.lowest == pytest.approx(measured(sure, "lowest", 4))
