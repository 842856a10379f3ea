"""nothinking: several answers behind closed thinking, and which of them answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from flyball.controllers.controller import Setting
from flyball.controllers.registry import build_strategy
from flyball.core.chat_format import Thinking
from flyball.core.engine import Abilities, EngineRequest, Grammar, Sampling
from flyball.core.errors import EngineError, RequestError
from flyball.core.events import Decided

from .worlds import EOS, choice_number, ids, pocket, run, setting, text_of

CLOSED = "<think>\nOkay, I think I have finished thinking.\n</think>\n\n"


def strategy(**params: Any) -> Any:
    return build_strategy({"name": "nothinking", **params}, setting())


def answers(*said: str | None, logprobs: Iterable[float] = ()) -> Callable[[EngineRequest], Any]:
    """A model whose trajectories give these answers, their tokens with these log-probabilities."""
    sure = list(logprobs) or [-0.5] * len(said)

    def script(request: EngineRequest) -> Any:
        index = choice_number(request)
        text = f"\\boxed{{{said[index]}}}" if said[index] is not None else "no"
        return [(token, sure[index]) for token in ids(text + EOS)]

    return script


async def test_every_sample_begins_behind_thinking_that_says_that_it_is_finished() -> None:
    result = await run(answers("7", "7", "3"), strategy=strategy(n=3))

    assert all(text_of(request.ids).endswith(CLOSED) for request in result.engine.requests)
    assert (result.shown.content, result.shown.reasoning) == ("\\boxed{7}", "")


async def test_the_answer_of_most_wins() -> None:
    result = await run(answers("3", "7", "7"), strategy=strategy(n=3))
    assert result.shown.content == "\\boxed{7}"
    assert result.episode.notes == [{"by": "nothinking", "started": 3, "finished": 3, "agreeing": 2, "answers": 2}]


async def test_the_sample_that_is_surest_wins_by_confidence() -> None:
    script = answers("3", "7", "7", logprobs=(-0.1, -0.9, -0.8))
    result = await run(script, strategy=strategy(n=3, choice="confidence"))

    assert result.shown.content == "\\boxed{3}"
    assert result.episode.notes == [{"by": "nothinking", "started": 3, "finished": 3, "confidence": -0.1}]


async def test_a_sample_without_an_answer_is_not_chosen_however_sure_it_is() -> None:
    script = answers(None, "7", logprobs=(-0.01, -2.0))
    result = await run(script, strategy=strategy(n=2, choice="confidence"))
    assert result.shown.content == "\\boxed{7}"


async def test_without_any_answer_the_surest_sample_is_shown() -> None:
    script = answers(None, None, logprobs=(-1.0, -0.5))
    result = await run(script, strategy=strategy(n=2, choice="confidence"))
    assert result.shown.content == "no"


async def test_more_log_probabilities_that_the_request_asks_for_are_kept() -> None:
    asked = Sampling(max_tokens=1, logprobs=3)
    result = await run(answers("7"), strategy=strategy(n=1, choice="confidence"), sampling=asked)
    assert [request.sampling.logprobs for request in result.engine.requests] == [3]


async def test_thinking_is_not_opened_again_for_an_answer_that_must_match_a_grammar() -> None:
    result = await run(answers("7"), strategy=strategy(n=1), grammar=Grammar(regex=".*"))
    (request,) = result.engine.requests
    assert text_of(request.ids).endswith(CLOSED)
    assert request.sampling.grammar == Grammar(regex=".*")


async def test_an_own_prefill_stands_in_the_block() -> None:
    result = await run(answers("7"), strategy=strategy(n=1, prefill="Done."))
    assert text_of(result.engine.requests[0].ids).endswith("<think>\nDone.\n</think>\n\n")


@pytest.mark.parametrize("mode", ["auto", "think", "policy", "probe"])
async def test_it_wins_over_who_else_decides_about_thinking(mode: str) -> None:
    result = await run(
        answers("7", "7"), strategy=strategy(n=2), controllers=[{"name": "adaptive_think", "mode": mode}]
    )
    assert all(text_of(trial.trajectory.prompt_ids).endswith(CLOSED) for trial in result.episode.trials)
    assert not [
        event for trial in result.episode.trials for event in trial.trajectory.log if isinstance(event, Decided)
    ]


@pytest.mark.parametrize("choice", ["majority", "confidence"])
async def test_a_budget_that_allows_fewer_trajectories_gets_fewer(choice: str) -> None:
    result = await run(answers("7", "7", "3"), strategy=strategy(n=3, choice=choice), budget={"fan_out": 2.0})
    assert len(result.episode.trials) == 2
    assert result.shown.content == "\\boxed{7}"


async def test_a_budget_that_allows_none_is_refused() -> None:
    with pytest.raises(RequestError, match="the budget allows 0"):
        await run(answers("7"), strategy=strategy(n=1, choice="confidence"), budget={"fan_out": 0.0})


@pytest.mark.parametrize("choice", ["majority", "confidence"])
async def test_an_engine_that_fails_ends_the_request_with_its_error(choice: str) -> None:
    def script(request: EngineRequest) -> Any:
        raise EngineError("it broke")

    with pytest.raises(EngineError, match="it broke"):
        await run(script, strategy=strategy(n=2, choice=choice))


def test_samples_must_differ_and_each_counts_for_the_fan_out() -> None:
    assert (strategy(n=5).fan_out, strategy().needs_variety) == (5, True)


def test_a_family_that_does_not_think_is_refused() -> None:
    class Formless:
        name, thinks = "plain", False

    format: Any = Formless()
    with pytest.raises(RequestError, match="do not think"):
        build_strategy({"name": "nothinking"}, Setting(format, Abilities(context_length=1)))


async def test_the_block_is_closed_as_the_family_closes_it() -> None:
    rendered = pocket().render([{"role": "user", "content": "a"}], None, Thinking.ON, {})
    assert text_of([*rendered, *pocket().close_thinking("Okay, I think I have finished thinking.")]).endswith(CLOSED)
