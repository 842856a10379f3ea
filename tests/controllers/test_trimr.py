"""trimr: thinking ends once its results agree, once it finds none, and once it goes round in circles."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from flyball.controllers.controller import Setting
from flyball.controllers.registry import build_controllers
from flyball.controllers.seeds import derived_seed
from flyball.core.chat_format import Thinking
from flyball.core.engine import Abilities, Grammar
from flyball.core.errors import EngineError, RequestError
from flyball.core.events import Asked
from flyball.core.ledger import AUXILIARY, AUXILIARY_PROMPT
from flyball.core.model import ModelReply

from .auxiliaries import Auxiliary
from .early import segments, start_comparing, thinker
from .toolbox import add, call, offered
from .worlds import (
    DELTAS,
    EOS,
    PATIENCE,
    Run,
    acted,
    ids,
    notes,
    nothing_left,
    opened,
    plain,
    pocket,
    run,
    text_of,
    writes,
)

MILD = "\n\nI have verified this result several times.\n</think>\n\n**Final Answer**\n"
FORCEFUL = "\n\nI think I already thought for a long time, I should give my best answer now.\n</think>\n\n"
PLAIN: dict[str, Any] = {"underthinking": False, "repetition": False}


@pytest.fixture(scope="module", autouse=True)
def comparing() -> None:
    start_comparing()


def trimr(**params: Any) -> dict[str, Any]:
    return {"name": "trimr", **params}


async def trimmed(thinking: str, *, models: Any = None, run_options: Any = None, **params: Any) -> Run:
    options = {"thinking": Thinking.ON, "models": models, **(run_options or {})}
    return await run(thinker(thinking), controllers=[trimr(**params)], **options)


def judge(text: str) -> ModelReply:
    """A verifier: results in digits; it gives log-probabilities as a server does."""
    a, b = ([char for char in part if char.isdigit()][-1:] for part in _passages(text))
    yes = bool(a) and a == b
    return ModelReply("?", 50, 1, ((" Yes", -0.2 if yes else -3.0), ("No", -3.0 if yes else -0.2)))


def _passages(text: str) -> tuple[str, str]:
    if "Passage: " in text:
        passage = text.partition("Passage: ")[2].partition("\nDoes")[0]
        return passage, passage
    first, _, second = text.partition("Result A: ")[2].partition("\nResult B: ")
    return first, second.partition("\nDo ")[0]


# -- overthinking --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("verifier", ["model", "stated"])
async def test_three_results_that_agree_end_the_thinking(verifier: str, deltas: Any) -> None:
    models = {"verifier": Auxiliary(judge)} if verifier == "model" else None
    result = await trimmed(segments("4", "4", "4", "4", "4"), models=models, run_options={"deltas": deltas})
    assert result.kept() == segments("4", "4", "4") + MILD + f"cut{EOS}"
    assert acted(result.trajectory) == ["trimr"]


@pytest.mark.parametrize(
    ("results", "cut"),
    [
        ("AABAA", None),  # the count goes back to 0 at B, as published
        ("AABAAA", None),  # the third A in a row is the last: its segment ends with the thinking
        ("AABAAAC", 6),
        ("AAA.", 3),
        ("A.A.A.", 5),  # a segment without a result is passed over
        ("ABABABAB", None),
        ("......", None),
    ],
)
@pytest.mark.parametrize("verifier", ["model", "stated"])
async def test_a_result_that_differs_begins_the_count_anew(verifier: str, results: str, cut: int | None) -> None:
    given = [{"A": "4", "B": "7", "C": "9", ".": ""}[result] for result in results]
    models = {"verifier": Auxiliary(judge)} if verifier == "model" else None
    result = await trimmed(segments(*given), models=models, **PLAIN)
    expected = f"{segments(*given)}</think>\n\nyes{EOS}" if cut is None else segments(*given[:cut]) + MILD + f"cut{EOS}"
    assert result.kept() == expected


@pytest.mark.parametrize(("results", "cut"), [("AABAAC", 4), ("ABABAC", 5), ("ABCABC", None)])
async def test_by_a_window_most_of_the_last_results_are_enough(results: str, cut: int | None) -> None:
    given = [{"A": "4", "B": "7", "C": "9"}[result] for result in results]
    result = await trimmed(segments(*given), window=5, **PLAIN)
    expected = f"{segments(*given)}</think>\n\nyes{EOS}" if cut is None else segments(*given[:cut]) + MILD + f"cut{EOS}"
    assert result.kept() == expected


async def test_m_says_how_often() -> None:
    result = await trimmed(segments("4", "4", "4", "4"), m=1, **PLAIN)
    assert result.kept().startswith(segments("4", "4") + MILD)


async def test_results_in_other_forms_agree_by_mathematics() -> None:
    result = await trimmed(segments("0.5", "\\frac{1}{2}", "1/2", "4"), **PLAIN)
    assert result.kept().startswith(segments("0.5", "\\frac{1}{2}", "1/2") + MILD)


async def test_the_verifier_reads_only_the_last_sentences_and_the_question() -> None:
    model = Auxiliary(judge)
    thinking = "One. Two. Three. The result is 4.\n\nWait, no."
    await trimmed(thinking, models={"verifier": model}, sentences=2)
    assert model.asked == [
        (
            "Question: Start with 7, add 5.\nPassage: Three. The result is 4.\n"
            "Does the passage reach a definite final result for the question? Reply Yes or No."
        )
    ]


async def test_own_prompts_and_few_shot_prompts_are_used() -> None:
    model = Auxiliary(judge)
    own = "Passage: {passage}\nDoes it? {question}"
    await trimmed(segments("{a}", "4"), models={"m": model}, verifier="m", existence=own, **PLAIN)
    assert model.asked == ["Passage: So the result is {a}.\nDoes it? Start with 7, add 5."]
    few = Auxiliary(judge)
    await trimmed(segments("4", "4"), models={"verifier": few}, wording="few_shot", **PLAIN)
    assert few.asked[0].count("Reply: ") == 3 and few.asked[0].endswith("Passage: So the result is 4.\nReply:")


async def test_the_verifiers_tokens_are_charged_and_the_log_says_who_asked_where() -> None:
    result = await trimmed(segments("4", "4", "4", "4"), models={"verifier": Auxiliary(judge)}, **PLAIN)
    asked = [event for event in result.trajectory.log if isinstance(event, Asked)]
    assert len(asked) >= 5
    assert {(event.by, event.model) for event in asked} == {("trimr", "verifier")}
    assert asked[0].position == len(ids(segments("4")))
    ledger = result.episode.ledger
    assert (ledger.spent(AUXILIARY), ledger.spent(AUXILIARY_PROMPT)) == (len(asked), 50 * len(asked))


# -- underthinking -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deltas", DELTAS)
async def test_too_many_segments_without_a_result_end_it_forcefully(deltas: Any) -> None:
    given = segments("", "", "", "", "", "")
    result = await trimmed(given, n=3, run_options={"deltas": deltas})
    assert result.kept() == segments("", "", "", "") + FORCEFUL + f"cut{EOS}"


async def test_more_than_its_share_of_the_budget_ends_it_forcefully() -> None:
    thinking = segments(*"123456789")
    result = await trimmed(thinking, budget=40, r=0.5)
    assert result.kept() == text_of(ids(thinking)[:21]) + FORCEFUL + f"cut{EOS}"


async def test_exactly_its_share_of_the_budget_is_not_too_much() -> None:
    thinking = "So the result is 4."
    result = await trimmed(thinking, budget=2 * len(ids(thinking)), r=0.5)
    assert acted(result.trajectory) == []


@pytest.mark.parametrize("limit", [10, 40])
async def test_both_together_where_that_is_asked(limit: int) -> None:
    thinking = segments("", "", "", "", "", "")
    result = await trimmed(thinking, both=True, n=3, budget=limit, r=1)
    at = max(len(ids(segments("", "", "", ""))), limit + 1)
    assert result.kept() == text_of(ids(thinking)[:at]) + FORCEFUL + f"cut{EOS}"


async def test_thinking_that_converged_before_ends_mildly() -> None:
    result = await trimmed(segments("4", "4", "4", "", "", ""), n=5, budget=400)
    assert result.kept() == segments("4", "4", "4") + MILD + f"cut{EOS}"


# -- repetition ----------------------------------------------------------------------------------------------------


async def test_thinking_that_goes_round_in_circles_ends_forcefully() -> None:
    circle = " and then I add five again"
    result = await trimmed("Start." + circle * 40, repeated_tokens=30, every=10)
    kept = result.kept()
    assert kept.endswith(FORCEFUL + f"cut{EOS}")
    assert kept.count(circle) < 12


async def test_a_block_that_is_long_enough_but_not_often_enough_may_be_repeated() -> None:
    result = await trimmed("abc " * 10 + "and so on. " + "abd " * 10, repeated_tokens=200, every=5)
    assert acted(result.trajectory) == []


# -- late verdicts -------------------------------------------------------------------------------------------------


async def test_a_verdict_that_comes_late_drops_what_came_since() -> None:
    model = Auxiliary(judge)
    model.free.clear()
    given = segments("4", "4", "4", "4", "4")

    def gate(request: Any, delta: int) -> None:
        if delta == len(ids(given)):
            model.free.set()

    result = await trimmed(given, models={"verifier": model}, run_options={"gate": gate}, **PLAIN)
    assert result.kept() == segments("4", "4", "4") + MILD + f"cut{EOS}"
    assert result.trajectory.dropped > 10


async def test_kept_verdicts_act_at_the_next_boundary_and_drop_nothing() -> None:
    given = segments(*"4" * 12)
    result = await trimmed(given, late="keep", every=5, **PLAIN)
    kept = result.kept()
    assert kept.endswith(MILD + f"cut{EOS}")
    before = kept.removesuffix(MILD + f"cut{EOS}")
    assert given.startswith(before) and len(before) >= len(segments("4", "4", "4"))
    assert result.trajectory.dropped <= 1


async def test_kept_verdicts_hold_nothing_back_and_are_not_waited_for() -> None:
    model = Auxiliary(judge)
    model.free.clear()
    result = await trimmed(segments("4", "4", "4"), models={"verifier": model}, late="keep", **PLAIN)
    assert result.kept() == f"{segments('4', '4', '4')}</think>\n\nyes{EOS}"
    assert model.running == 0


# -- a verifier that fails -----------------------------------------------------------------------------------------

UNTRIMMED = segments(*"44444444")


@pytest.mark.parametrize("late", ["drop", "keep"])
@pytest.mark.parametrize(
    ("model", "note"),
    [
        (Auxiliary(judge, error=EngineError("it is gone")), "no verdict: it is gone"),
        (Auxiliary(lambda _: "Perhaps"), "no verdict: the verifier replied neither Yes nor No"),
        (Auxiliary(lambda _: ""), "no verdict: the verifier replied neither Yes nor No"),
        (
            Auxiliary(lambda _: ModelReply("Yes", 9, 1, (("Well", -0.1),))),
            "no verdict: the verifier replied neither Yes nor No",
        ),
    ],
)
async def test_a_verifier_that_is_dead_or_malformed_leaves_it_untrimmed_and_the_response_says_so_once(
    model: Auxiliary, note: str, late: str
) -> None:
    model.asked.clear()
    result = await trimmed(UNTRIMMED, models={"verifier": model}, late=late, **PLAIN)
    assert result.kept() == f"{UNTRIMMED}</think>\n\nyes{EOS}"
    assert notes(result.trajectory) == [note]
    assert 3 <= len(model.asked) <= 7  # then nobody asks it any more, but what was asked before is asked


async def test_a_verifier_that_is_too_slow_leaves_it_untrimmed() -> None:
    model = Auxiliary(judge)
    model.free.clear()
    result = await trimmed(segments("4", "4"), models={"verifier": model}, seconds=0.01, **PLAIN)
    assert result.kept() == f"{segments('4', '4')}</think>\n\nyes{EOS}"
    assert notes(result.trajectory) == ["no verdict within 0.01 s"]


async def test_a_verifier_that_recovers_is_asked_again_and_the_unknown_segment_agrees_with_nothing() -> None:
    times = 0

    def flaky(text: str) -> Any:
        nonlocal times
        times += 1
        return "?" if times == 3 else judge(text)

    result = await trimmed(segments(*"444444"), models={"verifier": Auxiliary(flaky)}, **PLAIN)
    assert "trimr" in acted(result.trajectory)
    assert len(notes(result.trajectory)) == 1
    assert result.kept().count("result is 4") > 3


async def test_a_client_that_leaves_while_the_verifier_works_leaves_nothing_running() -> None:
    model = Auxiliary(judge)
    model.free.clear()
    episode, engine = opened(
        thinker(segments(*"4444")), controllers=[trimr()], thinking=Thinking.ON, models={"verifier": model}
    )

    async def read() -> None:
        async with aclosing(episode.pieces()) as pieces:
            async for _ in pieces:
                pass

    client = asyncio.create_task(read())
    async with asyncio.timeout(PATIENCE):
        while not model.running:
            await asyncio.sleep(0)
        client.cancel()
        await asyncio.gather(client, return_exceptions=True)
    await nothing_left(engine)
    assert model.running == 0


# -- with others ---------------------------------------------------------------------------------------------------


async def test_without_thinking_nothing_is_done() -> None:
    result = await run(thinker("So 4."), controllers=[trimr()], thinking=Thinking.OFF)
    assert (acted(result.trajectory), result.trajectory.thinking) == ([], 0)


async def test_every_choice_is_trimmed_by_itself() -> None:
    result = await run(thinker(segments(*"44444")), controllers=[trimr()], n=3, thinking=Thinking.ON)
    assert [shown.reasoning for shown in result.choices] == [segments(*"444") + MILD.partition("</think>")[0]] * 3
    assert [body.content for body in plain(result.episode)] == ["**Final Answer**\ncut"] * 3


async def test_a_thinking_budget_that_comes_first_goes_first() -> None:
    budget = {"name": "thinking_budget", "tokens": 8}
    result = await run(thinker(segments(*"44444")), controllers=[trimr(), budget], thinking=Thinking.ON)
    assert acted(result.trajectory) == ["thinking_budget"]
    assert result.trajectory.thinking == 8


async def test_an_answer_that_must_match_a_grammar_begins_without_words() -> None:
    result = await trimmed(segments(*"44444"), run_options={"grammar": Grammar(json_object=True), "max_tokens": 200})
    assert "**Final Answer**" not in result.kept()
    assert "several times.\n</think>\n\n" in result.kept()


async def test_behind_the_results_of_tools_the_next_turn_is_trimmed_anew() -> None:
    turn = "<think>\n{}</think>\n\nno" + EOS
    ask = call("add", a=7, b=5)
    script = writes(turn.format(segments(*"4444")), ask + EOS, turn.format(segments(*"7777")), f"done{EOS}")
    result = await run(script, controllers=[trimr(m=1, **PLAIN)], **offered(add))
    kept = result.kept()
    assert acted(result.trajectory) == ["trimr", "trimr"]
    assert segments("4", "4") + MILD + ask in kept
    assert kept.endswith(segments("7", "7") + MILD + f"done{EOS}")


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"verifier": "nobody"}, "flyball.controllers.0.verifier"),
        ({"m": 0}, "flyball.controllers.0.m"),
        ({"m": 2, "window": 2}, "flyball.controllers.0."),
        ({"existence": "Is it?"}, "flyball.controllers.0."),
        ({"late": "never"}, "flyball.controllers.0.late"),
    ],
)
def test_parameters_that_cannot_be_are_refused(params: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestError) as refused:
        build_controllers([trimr(**params)], Setting(pocket(), Abilities(context_length=4096)))
    assert refused.value.param == param


async def test_the_same_request_is_trimmed_the_same_way_however_long_the_verifier_takes() -> None:
    kept = set()
    for number in range(4):
        model = Auxiliary(judge)
        model.free.clear()
        wait = derived_seed("wait", number) % 40

        def gate(request: Any, delta: int, model: Auxiliary = model, wait: int = wait) -> None:
            if delta >= wait:
                model.free.set()

        result = await trimmed(segments(*"4744455"), models={"verifier": model}, run_options={"gate": gate}, **PLAIN)
        kept.add(result.kept())
    assert len(kept) == 1
