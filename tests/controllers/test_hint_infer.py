"""hint_infer: the marker that ends thinking is replaced by a hint, for some rounds."""

from typing import Any

import pytest

from flyball.controllers.controller import Setting
from flyball.controllers.hinting.library import hint_library
from flyball.controllers.registry import build_controllers
from flyball.core.chat_format import Thinking
from flyball.core.decision import Decision
from flyball.core.engine import Abilities, EngineRequest
from flyball.core.errors import RequestError
from flyball.core.events import Decided
from flyball.core.trajectory import Trajectory

from .worlds import DELTAS, EOS, acted, call_number, calls, ids, pocket, run, writes


def hint(**params: Any) -> dict[str, Any]:
    return {"name": "hint_infer", **params}


def decisions(trajectory: Trajectory) -> list[Decision]:
    return [event.decision for event in trajectory.log if isinstance(event, Decided)]


def thinks(request: EngineRequest) -> list[int]:
    return ids(f"{' again' if call_number(request) else 'so 4.'}</think>\n\nyes{EOS}")


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("rounds", [0, 1, 3])
async def test_the_model_thinks_on_for_as_many_rounds_as_were_asked_for(rounds: int, deltas: tuple[int, ...]) -> None:
    controllers = [hint(rounds=rounds, hints=["Wait, why?"])]
    result = await run(thinks, controllers=controllers, deltas=deltas, thinking=Thinking.ON)
    assert result.shown.reasoning == "so 4." + "\n\nWait, why? again" * rounds
    assert result.shown.content == "yes"
    assert acted(result.trajectory) == ["hint_infer"] * rounds
    assert len(calls(result.trajectory)) == 1 + rounds


@pytest.mark.parametrize(
    ("thinking", "shown"),
    [("so 4.", "so 4.\n\nWait."), ("so 4.\n", "so 4.\n\nWait."), ("so 4.\n\n", "so 4.\n\nWait.")],
)
async def test_a_hint_begins_a_paragraph_of_its_own(thinking: str, shown: str) -> None:
    script = writes(f"{thinking}</think>\n\nyes{EOS}", f" on</think>\n\nyes{EOS}")
    result = await run(script, controllers=[hint(hints=["Wait."])], thinking=Thinking.ON)
    assert result.shown.reasoning == f"{shown} on"


@pytest.mark.parametrize("thinking", ["", "\n", "\n\n", "\n\n\n"])
@pytest.mark.parametrize("opened", [Thinking.ON, Thinking.DEFAULT])
async def test_an_empty_thinking_block_is_left_alone(thinking: str, opened: Thinking) -> None:
    text = ("<think>" if opened is Thinking.DEFAULT else "") + f"{thinking}</think>\n\nyes{EOS}"
    result = await run(writes(text), controllers=[hint()], thinking=opened)
    assert (acted(result.trajectory), result.shown.content) == ([], "yes")


async def test_thinking_that_ends_in_many_line_breaks_is_not_empty() -> None:
    newline = ids("\n")[0]
    script = lambda request: [*ids("so"), *[newline] * 12, *ids(f"</think>\n\nyes{EOS}")]
    result = await run(script, controllers=[hint(hints=["Wait."])], thinking=Thinking.ON)
    assert acted(result.trajectory) == ["hint_infer"]


async def test_a_model_that_says_nothing_to_a_hint_still_gets_the_next_one() -> None:
    script = writes(f"so 4.</think>\n\nyes{EOS}", f"\n</think>\n\nyes{EOS}")
    result = await run(script, controllers=[hint(rounds=3, hints=["Wait."])], thinking=Thinking.ON)
    assert acted(result.trajectory) == ["hint_infer"] * 3


async def test_no_thinking_gets_no_hint() -> None:
    result = await run(writes(f"yes{EOS}"), controllers=[hint()], thinking=Thinking.OFF)
    assert acted(result.trajectory) == []


@pytest.mark.parametrize("domain", sorted(hint_library()))
async def test_a_domains_hints_are_those_of_the_library_with_those_of_every_domain(domain: str) -> None:
    result = await run(thinks, controllers=[hint(domain=domain)], thinking=Thinking.ON, seed=1)
    (decision,) = decisions(result.trajectory)
    texts = {hint.name: hint.text for hint in hint_library()[domain] if hint.tool is None}
    assert set(decision.candidates) == set(texts)
    assert {name.partition(".")[0] for name in texts} == {domain, "any"}
    assert f"\n\n{texts[decision.chosen[0]]} again" in result.shown.reasoning


async def test_the_choice_of_a_hint_is_recorded_with_its_probability() -> None:
    result = await run(thinks, controllers=[hint(rounds=2, hints=["A.", "B."])], thinking=Thinking.ON)
    first, second = decisions(result.trajectory)
    assert (first.kind, first.policy, first.candidates) == ("hint", "uniform", ("request.0", "request.1"))
    assert (first.probability, second.probability) == (0.5, 0.5)
    assert (first.features["round"], second.features["round"]) == (0.0, 1.0)
    assert (first.position, first.features["thinking_tokens"]) == (len(ids("so 4.")), float(len(ids("so 4."))))


async def test_the_same_seed_gives_the_same_hints_and_seeds_give_different_ones() -> None:
    texts = set()
    for seed in range(12):
        runs = [await run(thinks, controllers=[hint()], thinking=Thinking.ON, seed=seed) for _ in range(2)]
        assert runs[0].shown == runs[1].shown
        texts.add(runs[0].shown.reasoning)
    assert len(texts) > 1


async def test_the_choices_of_a_request_do_not_all_get_the_same_hint() -> None:
    result = await run(thinks, controllers=[hint()], thinking=Thinking.ON, n=12)
    assert len({choice.reasoning for choice in result.choices}) > 1


def test_a_domain_without_hints_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(RequestError, match="any, code, facts, math") as refused:
        build_controllers([hint(domain="cooking")], Setting(pocket(), Abilities(context_length=1)))
    assert refused.value.param == "flyball.controllers.0.domain"
