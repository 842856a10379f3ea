"""adaptive_think in mode probe: what the model would do is looked at before the prompt is rendered."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from flyball.controllers.controller import Setting
from flyball.controllers.registry import build_controllers
from flyball.core.engine import Abilities, Delta, EngineRequest
from flyball.core.errors import EngineError, RequestError
from flyball.core.ledger import AUXILIARY, TOKENS
from flyball.server.engines.scripted import ScriptedEngine

from .deciding import NO_THINK, adaptive, asked_before, chose, decided, noted, thinks_if_told
from .worlds import EOS, Run, ids, opened, pocket, run, text_of

YES = r"\boxed{7}"


def with_probability(logprob: float, token: int = NO_THINK) -> Any:
    """A model that decides with this log-probability, and thinks where it is told to."""

    def script(request: EngineRequest) -> Any:
        return [(token, logprob)] if text_of(request.ids).endswith("<think>") else thinks_if_told(request)

    return script


# -- the first token -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("logprob", "choice"), [(-0.1, "no_think"), (-0.69, "no_think"), (-0.7, "think")])
async def test_it_does_not_think_where_the_model_would_rather_not(logprob: float, choice: str) -> None:
    result = await run(with_probability(logprob), controllers=[adaptive("probe")])

    assert chose(result, choice)
    assert (result.shown.reasoning, result.shown.content) == ("a b" if choice == "think" else "", "yes")
    decision = decided(result)
    assert (decision.kind, decision.policy) == ("think", "threshold:p_no_think")
    assert (decision.candidates, decision.probability) == (("think", "no_think"), 1.0)
    assert decision.features["p_no_think"] == pytest.approx(math.exp(logprob))
    assert decision.features["numbers"] == 2.0


async def test_the_probe_is_one_token_where_the_model_decides_and_is_charged() -> None:
    result = await run(with_probability(-0.1), controllers=[adaptive("probe")])

    (probe,) = asked_before(result)
    assert text_of(probe.ids).endswith("assistant\n<think>")
    sampling = probe.sampling
    assert (sampling.max_tokens, sampling.temperature, sampling.logprob_ids) == (1, 1.0, (NO_THINK,))
    ledger = result.episode.ledger
    assert ledger.spent(AUXILIARY) == 1
    assert ledger.spent(TOKENS) == 1 + result.trajectory.sampled


async def test_the_token_that_was_sampled_need_not_be_the_one_that_decides() -> None:
    result = await run(with_probability(-0.1, ids("a")[0]), controllers=[adaptive("probe")])
    assert decided(result).features["p_no_think"] == pytest.approx(math.exp(-1.5))
    assert chose(result, "think")


async def test_the_threshold_is_a_parameter() -> None:
    result = await run(with_probability(-0.7), controllers=[adaptive("probe", threshold=0.4)])
    assert chose(result, "no_think")


async def test_exploring_is_part_of_the_probability() -> None:
    taken = {
        decision.chosen[0]: decision.probability
        for seed in range(20)
        for decision in [
            decided(await run(with_probability(-0.1), controllers=[adaptive("probe", explore=0.5)], seed=seed))
        ]
    }
    assert taken == pytest.approx({"no_think": 0.75, "think": 0.25})


class Mute(ScriptedEngine):
    """An engine that reports no log-probabilities."""

    async def generate(self, request: EngineRequest) -> AsyncGenerator[Delta]:
        async for delta in super().generate(request):
            delta.logprobs = None
            yield delta


async def test_without_log_probabilities_it_thinks_and_says_why() -> None:
    episode, _ = opened(with_probability(-0.1), controllers=[adaptive("probe")])
    episode._engine = engine = Mute(with_probability(-0.1), eos_ids=pocket().eos_ids)
    async for _ in episode.pieces():
        pass
    result = Run(episode, engine, [])
    assert chose(result, "think")
    assert "p_no_think" not in decided(result).features
    assert noted(result) == ["the engine did not report the probability of no thinking"]


async def test_a_probe_that_fails_leaves_the_model_to_think() -> None:
    def script(request: EngineRequest) -> Any:
        if "-open-" in request.request_id:
            raise EngineError("it broke")
        return thinks_if_told(request)

    result = await run(script, controllers=[adaptive("probe")])
    assert chose(result, "think")
    assert noted(result) == ["no reply: it broke"]


def test_an_engine_that_cannot_report_them_is_refused() -> None:
    mute = Abilities(context_length=1, logprob_ids=False)
    with pytest.raises(RequestError) as refused:
        build_controllers([adaptive("probe")], Setting(pocket(), mute))
    assert refused.value.param == "flyball.controllers.0.probe"
    assert build_controllers([adaptive("probe", probe="answers")], Setting(pocket(), mute))


def test_a_family_without_a_token_that_decides_is_refused() -> None:
    class Formless:
        name, thinks, decision = "plain", True, None

    format: Any = Formless()
    with pytest.raises(RequestError) as refused:
        build_controllers([adaptive("probe")], Setting(format, Abilities(context_length=1)))
    assert refused.value.param == "flyball.controllers.0.probe"


# -- answers without thinking that agree -----------------------------------------------------------------------------


def says(*texts: str) -> Any:
    """A model whose samples before the trajectory are these, in order."""

    def script(request: EngineRequest) -> Any:
        if "-open-" not in request.request_id:
            return thinks_if_told(request)
        return ids(texts[int(request.request_id.rpartition("-")[2]) - 1])

    return script


@pytest.mark.parametrize(
    ("texts", "choice", "agreeing", "answered"),
    [
        ((YES, YES, YES), "no_think", 1.0, 3.0),
        ((YES, r"\boxed{7.0}", YES), "no_think", 1.0, 3.0),
        ((YES, r"\boxed{3}", YES), "think", 2 / 3, 3.0),
        ((YES, "no", YES), "think", 2 / 3, 2.0),
        (("no", "no", "no"), "think", 0.0, 0.0),
    ],
)
async def test_it_does_not_think_where_cheap_answers_agree(
    texts: Sequence[str], choice: str, agreeing: float, answered: float
) -> None:
    script = says(*(text + EOS for text in texts))
    result = await run(script, controllers=[adaptive("probe", probe="answers")])

    assert chose(result, choice)
    decision = decided(result)
    assert decision.policy == "threshold:agreeing"
    assert decision.features["agreeing"] == pytest.approx(agreeing)
    assert decision.features["answered"] == answered


async def test_answers_are_sampled_without_thinking_within_bounds_and_charged() -> None:
    controller = adaptive("probe", probe="answers", samples=4, answer_tokens=3, temperature=0.9)
    result = await run(says(*[YES + EOS] * 4), controllers=[controller], seed=1)

    probes = asked_before(result)
    assert len(probes) == 4
    assert all(text_of(probe.ids).endswith("<think>\n\n</think>\n\n") for probe in probes)
    assert {(probe.sampling.max_tokens, probe.sampling.temperature) for probe in probes} == {(3, 0.9)}
    assert len({probe.sampling.seed for probe in probes}) == 4
    assert result.episode.ledger.spent(AUXILIARY) == 12


async def test_an_answer_that_was_cut_agrees_with_none() -> None:
    result = await run(says(YES, YES, YES), controllers=[adaptive("probe", probe="answers")])
    assert (decided(result).features["answered"], decided(result).chosen) == (0.0, ("think",))


async def test_fewer_that_agree_may_be_enough() -> None:
    script = says(YES + EOS, YES + EOS, r"\boxed{3}" + EOS)
    result = await run(script, controllers=[adaptive("probe", probe="answers", threshold=0.6)])
    assert chose(result, "no_think")
