"""adaptive_think: thinking forced on or off, or the model's own first token read as its decision."""

import math
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from flyball.controllers.controller import Setting
from flyball.controllers.registry import build_controllers
from flyball.core.chat_format import Thinking
from flyball.core.decision import Decision
from flyball.core.engine import Abilities, Delta, EngineRequest, Sampling, TokenLogprob
from flyball.core.errors import RequestError
from flyball.core.events import Decided
from flyball.core.trajectory import Trajectory
from flyball.server.engines.scripted import ScriptedEngine

from .worlds import DELTAS, EOS, call_number, calls, ids, opened, pocket, run, text_of

THINKING = f"a b</think>\n\nyes{EOS}"
DECISION = pocket().decision
assert DECISION is not None
(NO_THINK,) = DECISION.no_think_ids


def decisions(trajectory: Trajectory) -> list[Decision]:
    return [event.decision for event in trajectory.log if isinstance(event, Decided)]


def mode(name: str) -> dict[str, Any]:
    return {"name": "adaptive_think", "mode": name}


def rest(text: str, logprob: float | None = None) -> Any:
    """A model that writes one text over the calls of a trajectory, its first token with this log-probability."""
    whole = ids(text)

    def script(request: EngineRequest) -> list[Any]:
        tokens: list[Any] = whole[1:] if call_number(request) else whole
        return [(tokens[0], logprob), *tokens[1:]] if logprob is not None and not call_number(request) else tokens

    return script


@pytest.mark.parametrize(("name", "thinking"), [("think", Thinking.ON), ("no_think", Thinking.OFF)])
async def test_a_forced_mode_is_the_prompts_and_costs_no_call(name: str, thinking: Thinking) -> None:
    script = rest(THINKING if name == "think" else f"yes{EOS}")
    forced = await run(script, controllers=[mode(name)])
    rendered = await run(script, thinking=thinking)
    assert forced.trajectory.prompt_ids == rendered.trajectory.prompt_ids
    assert forced.trajectory.ids == rendered.trajectory.ids
    assert decisions(forced.trajectory) == []
    assert len(calls(forced.trajectory)) == 1


async def test_the_mode_of_a_controller_wins_over_the_requests() -> None:
    result = await run(rest(THINKING), controllers=[mode("think")], thinking=Thinking.OFF)
    assert result.shown.reasoning == "a b"


async def test_auto_ends_the_prompt_where_the_model_decides_once() -> None:
    result = await run(rest(THINKING), controllers=[mode("auto")])
    assert text_of(result.trajectory.prompt_ids).endswith("assistant\n<think>")
    assert result.trajectory.ids[:1] == ids(THINKING)[:1]


@pytest.mark.parametrize("deltas", DELTAS)
async def test_auto_records_that_the_model_did_not_think_and_how_probable_it_was(deltas: tuple[int, ...]) -> None:
    script = rest(f"\n\n</think>\n\nyes{EOS}", -0.1)
    result = await run(script, controllers=[mode("auto")], deltas=deltas)
    (decision,) = decisions(result.trajectory)
    assert (decision.kind, decision.policy, decision.position) == ("think", "model", 0)
    assert (decision.candidates, decision.chosen) == (("think", "no_think"), ("no_think",))
    assert decision.probability == pytest.approx(math.exp(-0.1))
    assert (result.shown.reasoning, result.shown.content) == ("", "yes")


@pytest.mark.parametrize("deltas", DELTAS)
async def test_auto_records_that_the_model_thought_with_the_rest_of_the_probability(deltas: tuple[int, ...]) -> None:
    result = await run(rest(THINKING), controllers=[mode("auto")], deltas=deltas)
    (decision,) = decisions(result.trajectory)
    assert decision.chosen == ("think",)
    assert decision.probability == pytest.approx(1 - math.exp(-1.5))
    assert (result.shown.reasoning, result.shown.content) == ("a b", "yes")


async def test_log_probabilities_of_the_decision_are_asked_for_the_first_token_only() -> None:
    result = await run(rest(THINKING), controllers=[mode("auto")])
    assert [request.sampling.logprob_ids for request in result.engine.requests] == [(NO_THINK,), ()]
    assert result.engine.requests[0].sampling.max_tokens == 1


class Mute(ScriptedEngine):
    """An engine that reports no log-probabilities."""

    async def generate(self, request: EngineRequest) -> AsyncGenerator[Delta]:
        async for delta in super().generate(request):
            delta.logprobs = None
            yield delta


async def test_without_log_probabilities_the_probability_is_not_known() -> None:
    episode, _ = opened(rest(THINKING), controllers=[mode("auto")])
    episode._engine = Mute(rest(THINKING), eos_ids=pocket().eos_ids)
    async for _ in episode.pieces():
        pass
    (decision,) = decisions(episode.trials[0].trajectory)
    assert (decision.chosen, decision.probability) == (("think",), None)


class Sparse(ScriptedEngine):
    """An engine that reports the sampled token's log-probability and nothing of others."""

    async def generate(self, request: EngineRequest) -> AsyncGenerator[Delta]:
        async for delta in super().generate(request):
            delta.logprobs = [TokenLogprob(entry.logprob) for entry in delta.logprobs or []]
            yield delta


async def test_a_deciding_token_that_the_engine_says_nothing_about_leaves_the_probability_unknown() -> None:
    episode, _ = opened(rest(THINKING), controllers=[mode("auto")], sampling=Sampling(max_tokens=1, logprobs=0))
    episode._engine = Sparse(rest(THINKING), eos_ids=pocket().eos_ids)
    async for _ in episode.pieces():
        pass
    (decision,) = decisions(episode.trials[0].trajectory)
    assert (decision.chosen, decision.probability) == (("think",), None)


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("order", [1, -1])
async def test_a_decision_is_recorded_when_a_budget_cuts_at_the_same_token(order: int, deltas: tuple[int, ...]) -> None:
    controllers = [mode("auto"), {"name": "thinking_budget", "tokens": 1}][::order]
    script = lambda request: ids("a b c") if call_number(request) == 0 else ids(f"\n\nyes{EOS}")
    result = await run(script, controllers=controllers, deltas=deltas)
    assert [decision.chosen for decision in decisions(result.trajectory)] == [("think",)]
    assert result.trajectory.thinking == 1


async def test_nothing_is_recorded_as_the_models_decision_when_thinking_was_closed_before_it() -> None:
    controllers = [mode("auto"), {"name": "thinking_budget", "tokens": 0}]
    result = await run(lambda request: ids(f"\n\nyes{EOS}"), controllers=controllers)
    assert decisions(result.trajectory) == []
    assert result.shown.content == "yes"


class Formless:
    """A chat format as far as the controller looks."""

    name, thinks, decision = "plain", False, None


@pytest.mark.parametrize(("name", "thinks"), [("think", False), ("auto", False), ("auto", True)])
def test_a_mode_that_a_family_cannot_honour_is_refused(name: str, thinks: bool) -> None:
    format: Any = Formless()
    format.thinks = thinks
    with pytest.raises(RequestError) as refused:
        build_controllers([mode("no_think"), mode(name)], Setting(format, Abilities(context_length=1)))
    assert refused.value.param == "flyball.controllers.1.mode"
