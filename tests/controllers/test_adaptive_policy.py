"""adaptive_think in mode policy: a rule, chance, or written principles that a model reads."""

from __future__ import annotations

from typing import Any

import pytest

from flyball.controllers.adding import last_question
from flyball.core.errors import EngineError, RequestError
from flyball.core.ledger import AUXILIARY
from flyball.core.model import ModelReply

from .auxiliaries import Auxiliary
from .deciding import adaptive, asked_before, chose, decided, noted, thinks_if_told
from .worlds import calls, opened, run

HARD = ({"role": "user", "content": "You have 6; multiply by 9; times 8; add 7; add 8; times 3."},)


async def test_the_rule_does_not_think_about_an_easy_question() -> None:
    result = await run(thinks_if_told, controllers=[adaptive("policy")])

    assert chose(result, "no_think")
    decision = decided(result)
    assert (decision.kind, decision.policy, decision.probability) == ("think", "question_rule", 1.0)
    assert (decision.features["numbers"], decision.features["messages"]) == (2.0, 1.0)
    assert (len(calls(result.trajectory)), asked_before(result)) == (1, [])


async def test_the_rule_thinks_about_a_long_calculation() -> None:
    result = await run(thinks_if_told, controllers=[adaptive("policy")], messages=HARD)
    assert chose(result, "think")
    assert result.shown.reasoning == "a b"


@pytest.mark.parametrize("limits", [{"steps": 6, "words": 500}, {"steps": 9}])
async def test_the_rules_limits_are_parameters(limits: dict[str, int]) -> None:
    assert chose(await run(thinks_if_told, controllers=[adaptive("policy", **limits)], messages=HARD), "no_think")


async def test_what_is_left_of_the_budget_is_a_feature() -> None:
    result = await run(thinks_if_told, controllers=[adaptive("policy")], budget={"tokens": 50.0})
    assert decided(result).features["tokens_left"] == 50.0


async def test_chance_takes_both_with_half_the_probability() -> None:
    taken = {
        decided(await run(thinks_if_told, controllers=[adaptive("policy", policy="uniform")], seed=seed)).chosen
        for seed in range(12)
    }
    assert taken == {("think",), ("no_think",)}
    result = await run(thinks_if_told, controllers=[adaptive("policy", policy="uniform")], seed=0)
    assert decided(result).probability == 0.5


async def test_the_same_seed_decides_alike() -> None:
    controllers = [adaptive("policy", policy="uniform")]
    first = await run(thinks_if_told, controllers=controllers, seed=3, n=4)
    again = await run(thinks_if_told, controllers=controllers, seed=3, n=4)
    assert [shown.reasoning for shown in first.choices] == [shown.reasoning for shown in again.choices]


async def test_exploring_is_part_of_the_probability() -> None:
    taken = {
        decision.chosen[0]: decision.probability
        for seed in range(20)
        for decision in [decided(await run(thinks_if_told, controllers=[adaptive("policy", explore=0.4)], seed=seed))]
    }
    assert taken == pytest.approx({"no_think": 0.8, "think": 0.2})


@pytest.mark.parametrize("fields", [{"mode": "policy", "policy": "uniform"}, {"mode": "think"}, {"mode": "model"}])
def test_exploring_is_refused_where_nothing_or_chance_decides(fields: dict[str, str]) -> None:
    with pytest.raises(RequestError) as refused:
        opened(thinks_if_told, controllers=[adaptive(**fields, explore=0.1)])
    assert refused.value.param == "flyball.controllers.0.explore"


# -- principles ------------------------------------------------------------------------------------------------------


def saying(*likely: tuple[str, float]) -> Auxiliary:
    return Auxiliary(lambda _: ModelReply(likely[0][0] if likely else "", 40, 1, likely))


def labelled(**params: Any) -> dict[str, Any]:
    return adaptive("policy", policy="principles", model="aux", **params)


@pytest.mark.parametrize(("yes", "choice"), [(-0.2, "think"), (-2.0, "no_think")])
async def test_a_model_that_reads_the_principles_decides(yes: float, choice: str) -> None:
    model = saying((" Yes", yes), ("No", -0.7))
    result = await run(thinks_if_told, controllers=[labelled()], models={"aux": model})

    assert chose(result, choice)
    assert decided(result).policy == "threshold:p_think"
    assert 0 < decided(result).features["p_think"] < 1
    (question,) = model.asked
    assert "several steps of calculation" in question and "Start with 7, add 5." in question
    assert result.episode.ledger.spent(AUXILIARY) == 1


async def test_own_principles_and_threshold_are_parameters() -> None:
    model = saying(("yes", -0.2), ("no", -1.7))
    result = await run(
        thinks_if_told, controllers=[labelled(principles="Always.", threshold=0.9)], models={"aux": model}
    )
    assert chose(result, "no_think")
    assert model.asked[0].startswith("Always.\n")


async def test_a_long_question_is_cut_for_the_labeller() -> None:
    model = saying(("yes", -0.1))
    messages = ({"role": "user", "content": "one two " * 700},)
    await run(thinks_if_told, controllers=[labelled()], models={"aux": model}, messages=messages)
    assert len(model.asked[0]) < 5200


@pytest.mark.parametrize(
    ("model", "note"),
    [
        (saying(("Perhaps", -0.1)), "aux said neither yes nor no"),
        (saying(), "aux said neither yes nor no"),
        (Auxiliary(str, error=EngineError("gone")), "no reply: gone"),
    ],
)
async def test_a_labeller_that_is_of_no_use_leaves_the_model_to_think(model: Auxiliary, note: str) -> None:
    result = await run(thinks_if_told, controllers=[labelled()], models={"aux": model})
    assert chose(result, "think")
    assert "p_think" not in decided(result).features
    assert noted(result) == [note]


async def test_a_labeller_that_does_not_answer_is_not_waited_for() -> None:
    slow = saying(("no", -0.1))
    slow.free.clear()
    result = await run(thinks_if_told, controllers=[labelled(seconds=0.01)], models={"aux": slow})
    assert chose(result, "think")
    assert slow.running == 0


def test_a_model_that_is_not_there_is_refused() -> None:
    with pytest.raises(RequestError) as refused:
        opened(thinks_if_told, controllers=[labelled()], models={"other": saying()})
    assert refused.value.param == "flyball.controllers.0.model"
    assert "other" in str(refused.value)


# -- the question ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "question"),
    [
        ((), ""),
        (({"role": "system", "content": "s"},), ""),
        (({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}), "a"),
        (({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},), "a\nb"),
        (({"role": "user", "content": None},), ""),
    ],
)
def test_the_question_is_what_the_user_said_last(messages: Any, question: str) -> None:
    assert last_question(messages) == question
