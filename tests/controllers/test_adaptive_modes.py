"""adaptive_think in mode modes: instant, reasoning or agentic, by a model's classification."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flyball.controllers.controller import Setting
from flyball.controllers.registry import build_controllers
from flyball.core.engine import Abilities
from flyball.core.errors import EngineError, RequestError
from flyball.core.events import ToolAnswered
from flyball.core.ledger import AUXILIARY

from .auxiliaries import Auxiliary
from .deciding import adaptive, chose, decided, noted, thinks_if_told
from .toolbox import add, call, offered
from .worlds import EOS, TOOL, opened, pocket, run, setting, text_of, writes

LABELS = {"instant": "default_agent", "reasoning": "reasoning_agent", "agentic": "toolcalling_agent"}


def classifies(reply: str) -> Auxiliary:
    return Auxiliary(lambda _: reply)


def label(name: str) -> str:
    return f"<classification>\n{name}\n</classification>"


async def classified(model: Auxiliary, *, tools: Any = (TOOL,), **params: Any) -> Any:
    return await run(
        thinks_if_told, controllers=[adaptive("modes", model="aux", **params)], models={"aux": model}, tools=tools
    )


def told_of_tools(result: Any) -> bool:
    return '"add"' in text_of(result.trajectory.prompt_ids)


@pytest.mark.parametrize("mode", LABELS)
@pytest.mark.parametrize("named", [LABELS.__getitem__, str])
async def test_the_mode_that_the_model_names_is_the_prompts(mode: str, named: Callable[[str], str]) -> None:
    result = await classified(classifies(f"Let me see. {label(named(mode))}"))

    assert chose(result, mode)
    assert told_of_tools(result) == (mode == "agentic")
    decision = decided(result)
    assert (decision.kind, decision.policy, decision.probability) == ("mode", "highest:classified", 1.0)
    assert decision.candidates == ("instant", "reasoning", "agentic")
    assert (decision.features[f"classified.{mode}"], decision.features["tries"]) == (1.0, 1.0)


@pytest.mark.parametrize("mode", LABELS)
async def test_a_mode_by_its_name_is_forced_and_nobody_is_asked(mode: str) -> None:
    result = await run(thinks_if_told, controllers=[adaptive(mode)], tools=(TOOL,))

    assert told_of_tools(result) == (mode == "agentic")
    assert (result.shown.reasoning, result.shown.content) == ("" if mode == "instant" else "a b", "yes")
    assert len(result.engine.requests) == 1


async def test_agentic_is_no_candidate_without_tools() -> None:
    model = classifies(label("toolcalling_agent"))
    result = await classified(model, tools=())

    assert decided(result).candidates == ("instant", "reasoning")
    assert chose(result, "reasoning")
    assert "toolcalling" not in model.asked[0]


def test_agentic_without_tools_is_refused() -> None:
    with pytest.raises(RequestError, match="needs tools"):
        opened(thinks_if_told, controllers=[adaptive("agentic")])


@pytest.mark.parametrize("reply", ["", "reasoning_agent", label("other_agent"), "<classification>"])
async def test_a_classification_that_keeps_failing_falls_back_after_so_many_tries(reply: str) -> None:
    model = classifies(reply)
    result = await classified(model, tries=4)

    assert len(model.asked) == 4
    assert chose(result, "reasoning")
    assert "tries" not in decided(result).features
    assert noted(result) == ["aux named no mode in 4 tries"]


async def test_what_it_falls_back_to_is_a_parameter() -> None:
    assert chose(await classified(classifies("?"), fallback="instant"), "instant")
    assert chose(await classified(classifies("?"), fallback="agentic"), "agentic")
    assert chose(await classified(classifies("?"), fallback="agentic", tools=()), "reasoning")


async def test_a_later_try_may_succeed_and_every_try_is_charged() -> None:
    replies = iter(["?", "?", label("default_agent")])
    model = Auxiliary(lambda _: next(replies))
    result = await classified(model)

    assert chose(result, "instant")
    assert decided(result).features["tries"] == 3.0
    assert result.episode.ledger.spent(AUXILIARY) == 5


async def test_the_label_that_is_named_last_counts() -> None:
    reply = f"Not {label('default_agent')} but {label('Reasoning_Agent')}"
    assert chose(await classified(classifies(reply)), "reasoning")


@pytest.mark.parametrize("mode", ["modes"])
async def test_a_model_that_is_down_is_asked_once(mode: str) -> None:
    model = Auxiliary(str, error=EngineError("gone"))
    result = await classified(model)

    assert len(model.asked) == 1
    assert chose(result, "reasoning")
    assert noted(result) == ["no reply: gone"]


async def test_exploring_takes_every_candidate_with_its_probability() -> None:
    taken = {}
    for seed in range(30):
        result = await run(
            thinks_if_told,
            controllers=[adaptive("modes", model="aux", explore=0.6)],
            models={"aux": classifies(label("default_agent"))},
            tools=(TOOL,),
            seed=seed,
        )
        taken[decided(result).chosen[0]] = decided(result).probability
    assert taken == pytest.approx({"instant": 0.6, "reasoning": 0.2, "agentic": 0.2})


async def test_each_choice_of_several_is_decided_for_itself() -> None:
    replies = iter([label("default_agent"), label("reasoning_agent")])
    result = await run(
        thinks_if_told,
        controllers=[adaptive("modes", model="aux")],
        models={"aux": Auxiliary(lambda _: next(replies))},
        n=2,
    )
    assert sorted(shown.reasoning for shown in result.choices) == ["", "a b"]


class Formless:
    """A chat format of a family that does not think, as far as the controller looks."""

    name, thinks, decision = "plain", False, None


@pytest.mark.parametrize(
    ("mode", "takes"), [("modes", True), ("instant", True), ("agentic", True), ("reasoning", False)]
)
def test_of_a_family_that_does_not_think_reasoning_is_no_mode(mode: str, takes: bool) -> None:
    format: Any = Formless()
    told = Setting(format, Abilities(context_length=1), frozenset({"add"}), None, frozenset({"self"}))
    if takes:
        assert build_controllers([adaptive(mode)], told)
    else:
        with pytest.raises(RequestError):
            build_controllers([adaptive(mode)], told)


def test_a_model_that_is_not_there_is_refused() -> None:
    with pytest.raises(RequestError) as refused:
        build_controllers([adaptive("modes")], setting())
    assert refused.value.param == "flyball.controllers.0.model"


@pytest.mark.parametrize(("mode", "ran"), [("reasoning", []), ("agentic", ["12"])])
async def test_a_call_that_is_made_without_tools_all_the_same_is_not_run(mode: str, ran: list[str]) -> None:
    script = writes(f"so</think>\n\n{call('add', a=7, b=5)}{EOS}", f"ok</think>\n\nyes{EOS}")
    result = await run(script, controllers=[adaptive(mode)], **offered(add))

    answers = [event for event in result.trajectory.log if isinstance(event, ToolAnswered)]
    assert [event.text for event in answers if event.status == "ok"] == ran
    assert result.shown.content == "yes"


async def test_code_between_fences_alone_makes_agentic_a_candidate() -> None:
    told = Setting(pocket(), Abilities(context_length=4096), frozenset(), "python", frozenset({"aux"}))
    (built,) = build_controllers([adaptive("modes", model="aux")], told)
    result = await run(thinks_if_told, controllers=[built], models={"aux": classifies(label("agentic"))})
    assert chose(result, "agentic")
