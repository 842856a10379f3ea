"""deer: a probe that is sure of its answer ends the thinking before its next thought."""

from collections.abc import Iterable
from math import log
from typing import Any

import pytest

from flyball.controllers.registry import build_controllers
from flyball.controllers.trimming.probes import mean_probability
from flyball.core.chat_format import Thinking
from flyball.core.engine import EngineRequest
from flyball.core.errors import RequestError

from .early import segments, thinker
from .worlds import DELTAS, EOS, Run, acted, ids, run, setting, text_of

PROBE = "\n**Final Answer**\n\\boxed"
THOUGHTS = segments(*"123456789123")


def deer(**params: Any) -> dict[str, Any]:
    return {"name": "deer", **params}


async def probed(reply: str, sure: Any, options: Any = None, thinking: str = THOUGHTS, **params: Any) -> Run:
    """Every token of a probe has the probability that `sure` says, by how many thoughts there were before."""
    whole = thinker(thinking)

    def script(request: EngineRequest) -> Iterable[Any]:
        written = text_of(request.ids).rpartition("<think>\n")[2]
        if "probe" not in request.request_id:
            return whole(request)
        assert written.endswith(PROBE)
        return [(token, log(sure(written.count("Wait") + 1))) for token in ids(reply)]

    return await run(script, controllers=[deer(**params)], thinking=Thinking.ON, **(options or {}))


def probes(result: Run) -> list[EngineRequest]:
    return [request for request in result.engine.requests if "probe" in request.request_id]


@pytest.mark.parametrize("deltas", DELTAS)
async def test_the_first_probe_that_is_sure_enough_ends_the_thinking(deltas: Any) -> None:
    result = await probed("{4}\n", lambda thought: 0.97 if thought == 3 else 0.9, options={"deltas": deltas})
    assert result.kept() == segments("1", "2", "3") + f"\n</think>\n\ncut{EOS}"


async def test_probes_are_greedy_and_no_longer_than_their_answer() -> None:
    result = await probed("{4}\n and so on and on", lambda _: 0.5)
    assert {request.sampling.temperature for request in probes(result)} == {0.0}
    assert probes(result)[0].sampling.max_tokens == 20


async def test_nothing_ends_while_no_probe_is_sure_and_after_ten_none_is_made() -> None:
    result = await probed("{4}\n", lambda _: 0.95)
    assert result.kept() == f"{THOUGHTS}</think>\n\nyes{EOS}"
    assert len(probes(result)) == 10


@pytest.mark.parametrize("reply", ["{", EOS])
async def test_a_probe_of_one_token_is_not_sure(reply: str) -> None:
    result = await probed(reply, lambda _: 1.0)
    assert result.kept() == f"{THOUGHTS}</think>\n\nyes{EOS}"


@pytest.mark.parametrize(("reply", "cut"), [("{4}\n</think>", True), ("{4}\n", False)])
async def test_geometrically_the_probe_must_close_its_thinking(reply: str, cut: bool) -> None:
    result = await probed(reply, lambda _: 0.99, confidence="geometric")
    assert acted(result.trajectory) == (["deer"] if cut else [])


async def test_the_budget_ends_it_fifty_tokens_before_its_share() -> None:
    result = await probed("{4}\n", lambda _: 0.1, budget=100, ratio=0.8)
    assert result.kept() == text_of(ids(THOUGHTS)[:30]) + f"\n</think>\n\ncut{EOS}"


async def test_without_thinking_nothing_is_probed() -> None:
    result = await run(thinker("So 4."), controllers=[deer()], thinking=Thinking.OFF)
    assert probes(result) == []


def test_a_threshold_is_a_probability() -> None:
    with pytest.raises(RequestError):
        build_controllers([deer(threshold=1.0)], setting())


@pytest.mark.parametrize(("geometric", "mean"), [(False, 0.85), (True, (0.9 * 0.8) ** 0.5)])
def test_confidence_is_the_mean_behind_the_first_token(geometric: bool, mean: float) -> None:
    assert mean_probability([log(0.2), log(0.9), log(0.8)], geometric=geometric) == pytest.approx(mean)
    assert mean_probability([log(0.2)], geometric=geometric) == mean_probability([], geometric=geometric) == 0.0
