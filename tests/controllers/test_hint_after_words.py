"""hint_infer behind conjunctions: right behind the word, now and then, and not too often."""

import math
from itertools import pairwise
from typing import Any

import pytest

from flyball.controllers.boundary import TokenWatch
from flyball.controllers.controller import Reach, Setting
from flyball.controllers.edits import Inject, Truncate
from flyball.controllers.hinting.after_words import words_watch
from flyball.controllers.hinting.joining import behind_word
from flyball.controllers.registry import build_controllers
from flyball.core.chat_format import Thinking
from flyball.core.engine import Abilities, EngineRequest
from flyball.core.errors import RequestError
from flyball.core.events import Channel, Origin
from flyball.core.ledger import TOKENS

from .hints import decisions, hint
from .worlds import (
    DELTAS,
    EOS,
    THOUGHT_END,
    acted,
    call_number,
    calls,
    edits_once,
    goes_on,
    ids,
    notes,
    parts,
    pocket,
    run,
    text_of,
    writes,
)

OWN = ["Wait, is that so?"]
END = f"</think>\n\nyes{EOS}"


def after(**params: Any) -> dict[str, Any]:
    return hint(**{"after_words": 8, "hints": OWN, **params})


@pytest.mark.parametrize("deltas", DELTAS)
async def test_the_hint_stands_right_behind_the_word_that_the_model_wrote(deltas: Any) -> None:
    script = writes(f"So 4.\n\nWait, no.{END}", f" Yes.{END}")
    result = await run(script, controllers=[after()], deltas=deltas, thinking=Thinking.ON)

    assert result.shown.reasoning == "So 4.\n\nWait, is that so? Yes."
    assert parts(result.trajectory, origin=Origin.INJECTED) == ", is that so?"
    assert text_of(result.engine.requests[1].ids).endswith("So 4.\n\nWait, is that so?")
    assert result.shown.content == "yes"


@pytest.mark.parametrize(
    ("own", "shown"),
    [
        ("Wait, is that so?", "Wait, is that so? on"),
        ("Hmm, is that so?", "Wait, is that so? on"),
        ("Let me check.", "Wait. Let me check. on"),
        ("Let me see, then go on.", "Wait. Let me see, then go on. on"),
        ("…", "Wait. … on"),
    ],
)
async def test_a_hint_goes_on_with_the_word_and_loses_its_own(own: str, shown: str) -> None:
    script = writes(f"Wait, no.{END}", f" on{END}")
    result = await run(script, controllers=[after(hints=[own])], thinking=Thinking.ON)
    assert result.shown.reasoning == shown


@pytest.mark.parametrize(
    ("rest", "text", "joined"),
    [
        ("", "Wait, why?", ", why?"),
        (",", "Wait, why?", " why?"),
        (", ", "Wait, why?", "why?"),
        ("\n", "Let me check.", "Let me check."),
        (",", "Let me check.", " Let me check."),
    ],
)
def test_a_word_whose_token_holds_more_than_the_word_is_gone_on_with_as_it_stands(
    rest: str, text: str, joined: str
) -> None:
    assert behind_word(rest, text) == joined


async def test_where_no_hint_is_left_none_is_given() -> None:
    script = writes(f"Wait, no.{END}")
    result = await run(script, controllers=[after(hints=["```"], calls=0)], thinking=Thinking.ON)
    assert (acted(result.trajectory), decisions(result.trajectory)) == ([], [])


@pytest.mark.parametrize("word", ["Wait", "Alternatively", "Moment mal"])
@pytest.mark.parametrize("before", ["So.\n\n", "So. ", ""])
async def test_it_does_not_matter_where_the_word_stands(before: str, word: str) -> None:
    script = writes(f"{before}{word}, no.{END}", f" on{END}")
    words = ["Wait", "Alternatively", "Moment mal"]
    result = await run(script, controllers=[after(words=words)], thinking=Thinking.ON)
    assert result.shown.reasoning == f"{before}{word}, is that so? on"


@pytest.mark.parametrize(
    "text",
    [
        f"Waiting. Await. I wait.{END}",
        f"Wait{END}",
        f"So.</think>\n\nWait, yes{EOS}",
        f"So.\n```python\n# Wait, no\n```\nYes.{END}",
        f"<tool_call>\nWait, no\n</tool_call>{END}",
    ],
    ids=["no whole word", "the end of the thinking", "in the answer", "in code", "in a call"],
)
async def test_elsewhere_there_is_no_hint(text: str) -> None:
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    result = await run(writes(text), controllers=[after()], thinking=Thinking.ON, tools=(tool,))
    assert acted(result.trajectory) == []
    assert len(calls(result.trajectory)) == 1


async def test_as_many_hints_are_given_as_were_asked_for() -> None:
    script = lambda request: ids(f" a. Wait, no.{END}")
    result = await run(script, controllers=[after(after_words=3)], thinking=Thinking.ON)
    assert acted(result.trajectory) == ["hint_infer"] * 3
    assert result.shown.reasoning == " a. Wait, is that so?" * 3 + " a. Wait, no."


@pytest.mark.parametrize("distance", [0, 1, 7, 8, 9, 16, 17, 100])
async def test_two_hints_are_so_many_sampled_tokens_apart_at_least(distance: int) -> None:
    text = " a. Wait, b. Wait, c. Wait, d. Wait, e. Wait, f.</think>\n\nyes" + EOS
    script = goes_on(text)

    def model(request: EngineRequest) -> list[int]:
        """Goes on behind the last "Wait" as if there had been no hint."""
        written = text_of(request.ids).rpartition("<think>\n")[2].replace(", is that so?", "")
        return ids(text)[len(ids(written)) :] if call_number(request) else list(script(request))  # type: ignore[arg-type]

    result = await run(model, controllers=[after(distance=distance)], thinking=Thinking.ON)
    positions, sampled = [], 0
    for span, end in result.trajectory.spans():
        if span.origin is Origin.INJECTED and span.channel is Channel.THINK and not span.marker:
            positions.append(sampled)
        elif span.origin is Origin.SAMPLED:
            sampled += end - span.start
    gaps = [later - earlier for earlier, later in pairwise(positions)]
    step = len(ids(", b. Wait"))
    expected = max(1, -(-distance // step)) * step
    assert gaps == [expected] * len(gaps)
    assert len(positions) == 1 + 4 // (expected // step)


async def test_a_hint_at_the_end_counts_for_the_distance_and_keeps_none_itself() -> None:
    script = writes(f"So.{END}", f" Wait, a. Wait, b.{END}", f" c.{END}")
    result = await run(script, controllers=[after(rounds=2, distance=5)], thinking=Thinking.ON)
    assert result.shown.reasoning == "So.\n\nWait, is that so? Wait, a. Wait, is that so? c.\n\nWait, is that so? c."


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
async def test_a_hint_is_given_as_often_as_the_chance_says_and_every_choice_is_logged(chance: float) -> None:
    given = 0
    for seed in range(60):
        script = writes(f"Wait, no.{END}", f" on{END}")
        controllers = [after(chance=chance, hints=["A, a.", "B, b."])]
        result = await run(script, controllers=controllers, thinking=Thinking.ON, seed=seed)
        (decision,) = decisions(result.trajectory)
        hinted = acted(result.trajectory) == ["hint_infer"]
        given += hinted
        assert decision.candidates == ("none", "request.0", "request.1")
        assert (decision.chosen != ("none",)) is hinted
        assert decision.probability == pytest.approx(chance / 2 if hinted else 1 - chance)
        assert decision.kind == "hint_after_word"
        assert decision.position == len(ids("Wait"))
    assert given / 60 == pytest.approx(chance, abs=0.15)


async def test_what_is_dropped_is_charged_and_not_kept() -> None:
    result = await run(
        writes(f"So. Wait, no.{END}", f" on{END}"), controllers=[after()], thinking=Thinking.ON, deltas=(1000,)
    )
    first = len(ids(f"So. Wait, no.{END}"))
    assert result.episode.ledger.spent(TOKENS) == first + len(ids(f" on{END}"))
    assert result.trajectory.dropped == first - len(ids("So. Wait"))


async def test_of_two_controllers_at_one_word_both_are_heard_in_order() -> None:
    def script(request: EngineRequest) -> list[int]:
        return ids(f"Wait, no.{END}" if call_number(request) == 0 else f" on{END}")

    other = edits_once("other", words_watch(("Wait",)), Inject(" Hm."))
    result = await run(script, controllers=[after(), other], thinking=Thinking.ON)
    assert result.shown.reasoning == "Wait, is that so? Hm. on"


async def test_an_edit_at_the_end_of_the_thought_before_voids_the_hint() -> None:
    edit = edits_once("other", THOUGHT_END, Inject("\n\nEnough."))
    script = writes(f"So.\n\nWait, no.{END}", f" on{END}")
    result = await run(script, controllers=[after(), edit], thinking=Thinking.ON)
    assert result.shown.reasoning == "So.\n\nEnough. on"
    assert acted(result.trajectory) == ["other"]


async def test_a_hint_that_is_taken_back_does_not_count() -> None:
    back = edits_once("back", TokenWatch(9, Channel.THINK), Truncate(0), reach=Reach.TRAJECTORY)
    script = writes(f"So. Wait, no.{END}", f" on and on and on and on{END}", f"So. Wait, no.{END}", f" on{END}")
    result = await run(script, controllers=[after(after_words=1), back], thinking=Thinking.ON)
    assert result.shown.reasoning == "So. Wait, is that so? on"
    assert acted(result.trajectory) == ["hint_infer", "back", "hint_infer"]


async def test_a_thinking_budget_that_is_spent_at_the_word_goes_first() -> None:
    budget = {"name": "thinking_budget", "tokens": len(ids("So. Wait,"))}
    script = writes(f"So. Wait, no.{END}", f" on and on{END}", f"\n\nyes{EOS}")
    result = await run(script, controllers=[after(), budget], thinking=Thinking.ON)
    assert result.trajectory.thinking == budget["tokens"]
    assert result.shown.content == "yes"


async def test_without_room_in_the_context_there_is_no_hint() -> None:
    long = "Wait, " + "is that so? " * 400
    script = writes(f"So. Wait, no.{END}")
    result = await run(
        script,
        controllers=[after(hints=[long])],
        thinking=Thinking.ON,
        abilities=Abilities(context_length=256),
        max_tokens=60,
    )
    assert result.shown.reasoning == "So. Wait, no."
    assert notes(result.trajectory) == ["no room is left in the context for an injection"]


@pytest.mark.parametrize("words", [[], [""], [" Wait"], ["a" * 33], ["Wait"] * 17])
def test_words_that_are_none_are_refused(words: list[str]) -> None:
    with pytest.raises(RequestError) as refused:
        build_controllers([after(words=words)], Setting(pocket(), Abilities(context_length=1)))
    assert refused.value.param is not None and refused.value.param.startswith("flyball.controllers.0.words")


async def test_a_word_is_text_and_no_pattern() -> None:
    script = writes(f"So. Wait, (.*)+! no.{END}", f" on{END}")
    result = await run(script, controllers=[after(words=["(.*)+!"])], thinking=Thinking.ON)
    assert result.shown.reasoning == "So. Wait, (.*)+!, is that so? on"


# -- behind words that the model was sure of ---------------------------------------------------------------------------


def sure_by(logprob: float) -> Any:
    """A model that writes "Wait" with that log-probability, and everything else with one of -0.5."""
    wait = ids("Wait")

    def script(request: EngineRequest) -> list[Any]:
        text = f" Yes.{END}" if call_number(request) else f"So 4.\n\nWait, no.{END}"
        return [(token, logprob) if token in wait else token for token in ids(text)]

    return script


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize(("logprob", "hinted"), [(-0.1, True), (-0.68, True), (-0.7, False), (-5.0, False)])
async def test_a_word_that_the_model_was_not_sure_of_gets_no_hint(deltas: Any, logprob: float, hinted: bool) -> None:
    result = await run(sure_by(logprob), controllers=[after(sure=0.5)], deltas=deltas, thinking=Thinking.ON)

    assert parts(result.trajectory, origin=Origin.INJECTED) == (", is that so?" if hinted else "")


async def test_how_likely_the_word_was_is_logged_with_the_choice() -> None:
    result = await run(sure_by(-0.1), controllers=[after(sure=0.5)], thinking=Thinking.ON)

    assert decisions(result.trajectory)[0].features["word_probability"] == pytest.approx(0.904837)


@pytest.mark.parametrize(("sure", "asked"), [(0.0, None), (0.5, 0)])
async def test_an_engine_is_asked_for_log_probabilities_only_where_they_matter(sure: float, asked: int | None) -> None:
    result = await run(sure_by(-0.1), controllers=[after(sure=sure)], thinking=Thinking.ON)

    assert {request.sampling.logprobs for request in result.engine.requests} == {asked}


async def test_a_word_of_several_tokens_is_as_likely_as_all_of_them() -> None:
    word = "Conversely"
    script = writes(f"So.\n\n{word}, no.{END}", f" on{END}")
    many = len(ids(word))
    result = await run(script, controllers=[after(sure=0.01, words=[word])], thinking=Thinking.ON)

    assert many > 1
    assert decisions(result.trajectory)[0].features["word_probability"] == pytest.approx(math.exp(-0.5 * many))
