"""Which baselines an arm gets, and votes over samples that were drawn already; worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from flyball.training.evaluate.arms import Arm
from flyball.training.evaluate.baselines import VOTE_TEMPERATURE, Baseline, governed, plan_baselines, twin
from flyball.training.evaluate.questions import Question, QuestionSet
from flyball.training.evaluate.rows import Row, Tokens
from flyball.training.evaluate.settings import Settings, define
from flyball.training.evaluate.votes import fitting, voted

TRIMR: dict[str, Any] = {"controllers": [{"name": "trimr"}]}


def settings(*arms: Arm, sampling: dict[str, Any] | None = None) -> Settings:
    return define(
        QuestionSet("q", "0", [Question("a", "?", "1")]),
        arms,
        model="m",
        samples=1,
        seed=0,
        sampling=sampling or {},
        concurrency=1,
        timeout=1.0,
    )


def row(arm: str = "samples 1", sample: int = 0, thinking: int = 0, total: int = 10, **more: Any) -> Row:
    tokens = Tokens(kept=total, thinking=thinking, injected=0, dropped=0, auxiliary=0)
    values: dict[str, Any] = {"seconds": 1.0, "tokens": tokens, "prompt_tokens": 5, "completion_tokens": total} | more
    return Row(question="a", arm=arm, sample=sample, seed=sample, **values)


def test_an_arm_gets_three_baselines_from_its_own_means() -> None:
    """Thinking of 90 and 110, 120 and 140 in all: capped at 100, votes with 130; a failed request says nothing."""
    rows = [row("trimr", 0, 90, 120), row("trimr", 1, 110, 140), row("trimr", 2, error="x", tokens=None)]
    found = plan_baselines(settings(Arm("plain"), Arm("trimr", TRIMR)), rows)

    budget, silent = {"name": "thinking_budget", "tokens": 100}, {"name": "adaptive_think", "mode": "no_think"}
    capped = Arm("trimr · capped", {"controllers": [budget]})
    no_thinking = Arm("trimr · no thinking", {"controllers": [silent]})
    assert found == [
        Baseline(name=capped.name, kind="capped", parent="trimr", tokens=100, arm=capped),
        Baseline(name=no_thinking.name, kind="no_thinking", parent="trimr", arm=no_thinking),
        Baseline(name="trimr · vote", kind="vote", parent="trimr", tokens=130, arm=Arm("samples 1")),
    ]


def test_a_baseline_has_the_controllers_that_its_arm_keeps() -> None:
    """The hint belongs to the task: it stays in front of the cap, without thinking, and in the samples that vote."""
    hint, thor = {"name": "hint_infer", "rounds": 0}, {"name": "thor"}
    arm = Arm("thor", {"controllers": [hint, thor], "tools": ["python"]}, keeps=["hint_infer"])
    capped, silent, vote = plan_baselines(settings(Arm("plain"), arm), [row("thor", thinking=50)])

    budget, no_think = {"name": "thinking_budget", "tokens": 50}, {"name": "adaptive_think", "mode": "no_think"}
    assert capped.arm.flyball == {"controllers": [hint, budget], "tools": ["python"]}
    assert silent.arm.flyball == {"controllers": [hint, no_think], "tools": ["python"]}
    assert vote.arm.flyball == {"controllers": [hint], "tools": ["python"]}


def test_a_baseline_lacks_what_the_arm_adds() -> None:
    """Controllers and strategy go, tools and sampling stay; where tools are all there is, they go; a preset goes."""
    tools: dict[str, Any] = {"tools": ["python"], "budget": {"tokens": 99}}
    arms = [
        Arm("both", {**tools, **TRIMR, "strategy": {"name": "s"}}, {"temperature": 0.6}),
        Arm("tools", tools),
        Arm("preset", None, {"model": "m:fast", "max_tokens": 50}),
    ]
    found = plan_baselines(settings(Arm("plain"), *arms), [row(arm.name) for arm in arms])
    pools = [baseline.arm for baseline in found if baseline.kind == "vote"]

    assert [arm.name for arm in governed(settings(Arm("plain"), *arms))] == ["both", "tools", "preset"]
    assert pools == [
        Arm("samples 1", tools, {"temperature": 0.6}),
        Arm("samples 2"),
        Arm("samples 3", None, {"max_tokens": 50}),
    ]


def test_votes_of_arms_with_the_same_plain_share_their_samples() -> None:
    """Greedy samples are all the same, so that a vote's are not greedy."""
    arms = [Arm("a", TRIMR), Arm("b", {"strategy": {"name": "s"}})]
    found = plan_baselines(settings(*arms, sampling={"temperature": 0}), [row("a", total=10), row("b", total=30)])
    votes = [baseline for baseline in found if baseline.kind == "vote"]

    pool = Arm("samples 1", None, {"temperature": VOTE_TEMPERATURE})
    assert [(vote.tokens, vote.arm) for vote in votes] == [(10, pool), (30, pool)]


def test_what_a_server_does_not_tell_makes_no_baseline() -> None:
    """Without token kinds there is no cap; without usage no vote."""
    foreign = row("a", tokens=None)
    arm = Arm("a", TRIMR)

    assert [each.kind for each in plan_baselines(settings(arm), [foreign])] == ["no_thinking", "vote"]
    mute = row("a", tokens=None, completion_tokens=None)
    assert [each.kind for each in plan_baselines(settings(arm), [mute])] == ["no_thinking"]


def test_a_twin_asks_the_same_under_another_name() -> None:
    """Its rows serve for both."""
    plain, cold = Arm("plain"), Arm("cold", None, {"temperature": 0})

    assert twin(Arm("samples 1", None, {"temperature": 0}), [plain, cold]) == cold
    assert twin(plain, [plain, cold]) is None


# -- votes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tokens", "count"), [(120, 3), (119, 2), (110, 2), (109, 1), (10, 1)])
def test_samples_fit_up_to_the_tokens_allowed(tokens: int, count: int) -> None:
    """50, 60 and 10: 110 of them are two samples, 120 three; the first one always counts."""
    assert len(fitting([row(total=50), row(total=60), row(total=10)], tokens)) == count


async def test_the_majority_of_the_samples_that_fit_wins() -> None:
    """4, 5, 5.0 and 4 again: with three samples 5, which two say; with all four 4, as the tie goes to the first."""
    samples = [
        row(answer="4", correct=False, seconds=1.0, content="A", ledger={"usd": {"spent": 0.1}}),
        row(answer="5", correct=True, seconds=3.0, content="B", ledger={"usd": {"spent": 0.2}}),
        row(answer="5.0", correct=True, seconds=2.0, content="C", ledger={"tokens": {"spent": 9}}),
        row(answer="4", correct=False, content="D"),
    ]
    three = await voted("v", 0, samples, 30)

    assert (three.arm, three.correct, three.content, three.votes) == ("v", True, "B", 3)
    assert (three.seconds, three.sampled, three.prompt_tokens, three.completion_tokens) == (3.0, 30, 15, 30)
    assert three.usd == pytest.approx(0.3)
    four = await voted("v", 0, samples, 40)
    assert (four.correct, four.content, four.votes, four.ledger) == (False, "A", 4, None)


async def test_missing_and_long_answers_join_no_group() -> None:
    """Two that state nothing do not outvote one; a program cannot be voted on."""
    nothing, program = row(answer=None, correct=False), row(answer="x" * 201, correct=True)

    assert (await voted("v", 0, [nothing, nothing, row(answer="4", correct=True)], 30)).correct is True
    assert (await voted("v", 0, [program, row(answer="x" * 201, correct=False)], 30)).correct is True


async def test_a_vote_ends_at_a_failed_sample() -> None:
    """If it is the first one, the vote has failed, and is neither right nor wrong."""
    failed = row(error="HTTP 500: x", tokens=None, correct=None)

    assert (await voted("v", 0, [row(answer="4", correct=True), failed], 30)).votes == 1
    lost = await voted("v", 0, [failed], 30)
    assert (lost.arm, lost.error, lost.correct, lost.votes) == ("v", "HTTP 500: x", None, 0)
