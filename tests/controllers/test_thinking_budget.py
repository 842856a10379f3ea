"""thinking_budget: exactly so many sampled thinking tokens when it cuts, never more, and it stays cut."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from flyball.controllers.boundary import TokenWatch
from flyball.controllers.edits import Inject
from flyball.core.chat_format import Thinking
from flyball.core.engine import Abilities, EngineRequest, Grammar, Sampling
from flyball.core.events import Channel, FinishReason, Origin

from .worlds import (
    DELTAS,
    EOS,
    WORDS,
    acted,
    after_tokens,
    call_number,
    calls,
    edits_once,
    ids,
    judges,
    parts,
    plain,
    pocket,
    run,
    text_of,
    when,
    writes,
)

OPEN, CLOSE = ids("<think></think>")
BARE = [CLOSE]


def thinks(request: EngineRequest) -> list[int]:
    """Ten tokens inside a thinking block that the prompt has opened, then the answer; the answer after a cut."""
    return [*([] if CLOSE in request.ids else [*WORDS, CLOSE]), *ids(f"\n\nyes{EOS}")]


def opens(request: EngineRequest) -> list[int]:
    """The same by a model that opens thinking itself."""
    return [*([] if call_number(request) else [OPEN]), *thinks(request)]


def budget(tokens: int, closing: str | None = None) -> dict[str, Any]:
    return {"name": "thinking_budget", "tokens": tokens, "closing": closing}


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("tokens", range(13))
@pytest.mark.parametrize(
    ("script", "thinking"), [(thinks, Thinking.ON), (opens, Thinking.DEFAULT)], ids=["in", "opens"]
)
async def test_thinking_has_exactly_the_budget_when_it_is_cut_and_its_own_length_otherwise(
    script: Any, thinking: Thinking, tokens: int, deltas: tuple[int, ...]
) -> None:
    result = await run(script, controllers=[budget(tokens)], deltas=deltas, thinking=thinking)
    assert result.trajectory.thinking == min(tokens, 10)
    assert result.shown.reasoning == text_of(WORDS[:tokens])
    assert result.shown.content == "yes"
    assert result.shown.finish == FinishReason.STOP
    assert acted(result.trajectory) == (["thinking_budget"] if tokens <= 10 else [])
    closed_in_the_prompt = tokens == 0 and thinking is Thinking.ON
    assert len(calls(result.trajectory)) == (2 if tokens <= 10 and not closed_in_the_prompt else 1)
    assert plain(result.episode)[0].content == result.shown.content


@pytest.mark.parametrize("deltas", DELTAS)
async def test_markers_and_the_closing_phrase_are_counted_apart(deltas: tuple[int, ...]) -> None:
    phrase = "I answer now."
    result = await run(opens, controllers=[budget(4, phrase)], deltas=deltas)
    closing = pocket().close_thinking(phrase)
    assert result.trajectory.ids == [OPEN, *WORDS[:4], *closing, *ids(f"\n\nyes{EOS}")]
    tally = result.trajectory.tally()
    assert (tally.thinking, tally.injected) == (4, len(closing))
    assert tally.sampled == len(result.trajectory.ids) - len(closing)
    assert parts(result.trajectory, origin=Origin.SAMPLED, channel=Channel.THINK) == text_of(WORDS[:4])
    assert result.shown.reasoning == text_of(WORDS[:4]) + phrase + "\n"


async def test_without_a_phrase_the_marker_alone_is_written() -> None:
    result = await run(thinks, controllers=[budget(4)], thinking=Thinking.ON)
    assert result.trajectory.ids == [*WORDS[:4], *BARE, *ids(f"\n\nyes{EOS}")]


@pytest.mark.parametrize("deltas", DELTAS)
async def test_what_was_sampled_past_the_cut_is_dropped_and_charged(deltas: tuple[int, ...]) -> None:
    result = await run(thinks, controllers=[budget(4)], deltas=deltas, thinking=Thinking.ON)
    arrived = -(-4 // deltas[0]) * deltas[0] if len(deltas) == 1 else 8
    overshoot = min(arrived, len(thinks(result.engine.requests[0]))) - 4
    assert result.trajectory.dropped == overshoot
    assert result.episode.ledger.spent("tokens") == result.trajectory.sampled + overshoot


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("tokens", [0, 4])
@pytest.mark.parametrize("bias", [True, False], ids=["forbids", "cannot forbid"])
async def test_thinking_that_was_cut_is_not_opened_again(tokens: int, bias: bool, deltas: tuple[int, ...]) -> None:
    def reopens(request: EngineRequest) -> list[int]:
        if OPEN in (request.sampling.logit_bias or {}):
            return ids(f"yes{EOS}")
        again = text_of(request.ids).count("<think>") <= 1
        return [OPEN, *WORDS] if again else ids(f"yes{EOS}")

    abilities = Abilities(context_length=4096, logit_bias=bias)
    result = await run(reopens, controllers=[budget(tokens)], deltas=deltas, abilities=abilities)
    assert result.trajectory.thinking == tokens
    assert result.shown.content == "yes"
    sent = [request.sampling.logit_bias for request in result.engine.requests[1:]]
    assert all(bool(given) is bias for given in sent)


@pytest.mark.parametrize("bias", [True, False])
async def test_a_model_that_opens_thinking_for_ever_is_ended(bias: bool) -> None:
    abilities = Abilities(context_length=4096, logit_bias=bias)
    result = await run(lambda request: [OPEN, *WORDS], controllers=[budget(3)], abilities=abilities, max_edits=5)
    assert (result.trajectory.thinking, result.shown.finish) == (3, FinishReason.LENGTH)
    assert len(calls(result.trajectory)) == 6


async def test_the_requests_own_bias_is_kept_beside_the_forbidden_opener() -> None:
    sampling = Sampling(max_tokens=1, logit_bias={7: 2.0})
    result = await run(thinks, controllers=[budget(2)], sampling=sampling, thinking=Thinking.ON)
    assert [dict(request.sampling.logit_bias or {}) for request in result.engine.requests] == [
        {7: 2.0},
        {7: 2.0, OPEN: -100.0},
    ]


async def test_a_budget_runs_over_all_blocks_of_a_trajectory() -> None:
    blocks = lambda request: (
        ids(f"yes{EOS}") if call_number(request) else [*WORDS[:3], CLOSE, *ids(" so "), OPEN, *WORDS]
    )
    result = await run(blocks, controllers=[budget(5)], thinking=Thinking.ON)
    assert result.trajectory.thinking == 5
    assert result.shown.reasoning == text_of(WORDS[:3]) + text_of(WORDS[:2])


@pytest.mark.parametrize("deltas", DELTAS)
async def test_thinking_that_ends_with_the_last_token_of_the_budget_is_cut_there(deltas: tuple[int, ...]) -> None:
    result = await run(thinks, controllers=[budget(10)], deltas=deltas, thinking=Thinking.ON)
    assert (result.trajectory.thinking, acted(result.trajectory)) == (10, ["thinking_budget"])
    assert result.shown.content == "yes"


HINT = {"name": "hint_infer", "hints": ["Wait."], "rounds": 1}


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("order", [1, -1], ids=["budget first", "hint first"])
@pytest.mark.parametrize("tokens", [4, 10, 13, 40])
async def test_hints_do_not_stretch_a_budget(tokens: int, order: int, deltas: tuple[int, ...]) -> None:
    def script(request: EngineRequest) -> Iterable[int]:
        if CLOSE in request.ids:
            return ids(f"\n\nyes{EOS}")
        return [*WORDS, CLOSE, *ids(f"\n\nyes{EOS}")]

    controllers = [budget(tokens), HINT][::order]
    result = await run(script, controllers=controllers, deltas=deltas, thinking=Thinking.ON)
    assert result.trajectory.thinking == min(tokens, 20)
    assert (
        acted(result.trajectory)
        == {
            4: ["thinking_budget"],
            10: ["thinking_budget"],
            13: ["hint_infer", "thinking_budget"],
            40: ["hint_infer"],
        }[tokens]
    )
    assert result.shown.content == "yes"


async def test_a_budget_cuts_the_thinking_before_a_grammars_answer() -> None:
    grammar = Grammar(json_object=True)

    def script(request: EngineRequest) -> list[int]:
        return ids(f"{{}}{EOS}") if request.sampling.grammar is not None else WORDS

    result = await run(script, controllers=[budget(3)], grammar=grammar, thinking=Thinking.ON)
    assert result.kept() == text_of(WORDS[:3]) + "</think>\n\n{}" + EOS


async def test_a_phrase_is_the_requests_own() -> None:
    for phrase in ("So.", "Time is up."):
        result = await run(writes(text_of(WORDS), f"yes{EOS}"), controllers=[budget(3, phrase)], thinking=Thinking.ON)
        assert result.shown.reasoning == text_of(WORDS[:3]) + phrase + "\n"


# -- the engine's own budget ----------------------------------------------------------------------------------------

NATIVE = Abilities(context_length=4096, thinking_close_ids=(CLOSE,))


def obeys(request: EngineRequest) -> list[int]:
    """An engine that closes thinking by itself, as vLLM does."""
    native = request.thinking_budget
    if CLOSE in request.ids:
        return ids(f"\n\nyes{EOS}")
    return [*(WORDS if native is None else WORDS[: native.tokens]), CLOSE, *ids(f"\n\nyes{EOS}")]


@pytest.mark.parametrize("deltas", DELTAS)
async def test_a_late_edit_behind_a_budget_that_the_engine_has_just_spent_gives_it_back(
    deltas: tuple[int, ...],
) -> None:
    event = asyncio.Event()
    judge = judges("judge", TokenWatch(2, Channel.THINK), when(event), Inject(" X"))
    result = await run(
        obeys,
        controllers=[judge, budget(4)],
        gate=after_tokens(event, 4 if deltas == (1,) else 0),
        deltas=deltas,
        abilities=NATIVE,
        thinking=Thinking.ON,
    )
    assert result.trajectory.thinking == 4
    assert result.kept() == text_of([*WORDS[:2], *ids(" X"), *WORDS[:2], CLOSE, *ids(f"\n\nyes{EOS}")])
    assert acted(result.trajectory)[-2:] == ["judge", "thinking_budget"]


async def test_an_edit_at_the_position_of_the_engines_budget_loses_against_it() -> None:
    injects = edits_once("injects", TokenWatch(4, Channel.THINK, repeat=True), Inject(" X"))
    for abilities in (Abilities(context_length=4096), NATIVE):
        result = await run(obeys, controllers=[injects, budget(4)], abilities=abilities, thinking=Thinking.ON)
        assert result.kept() == text_of([*WORDS[:4], CLOSE, *ids(f"\n\nyes{EOS}")])


@pytest.mark.parametrize("deltas", DELTAS)
async def test_a_call_that_ends_where_the_engines_budget_does_is_closed_by_the_loop(deltas: tuple[int, ...]) -> None:
    def stops(request: EngineRequest) -> list[int]:
        return ids(f"\n\nyes{EOS}") if CLOSE in request.ids else [*WORDS[:4], *ids(EOS)]

    result = await run(stops, controllers=[budget(4)], abilities=NATIVE, deltas=deltas, thinking=Thinking.ON)
    assert result.kept() == text_of([*WORDS[:4], CLOSE, *ids(f"\n\nyes{EOS}")])


async def test_tokens_that_end_with_the_engines_budget_end_the_trajectory() -> None:
    result = await run(obeys, controllers=[budget(4)], abilities=NATIVE, thinking=Thinking.ON, max_tokens=4)
    assert (result.trajectory.thinking, result.shown.finish) == (4, FinishReason.LENGTH)
    limited = await run(obeys, controllers=[budget(4)], abilities=NATIVE, thinking=Thinking.ON, budget={"tokens": 4})
    assert (limited.trajectory.thinking, limited.shown.finish) == (4, FinishReason.LENGTH)


class NoOpener:
    """The pocket format of a family that opens thinking with more than one token, as gpt-oss does."""

    think_open_ids = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(pocket(), name)


async def test_where_the_bare_marker_could_lead_to_more_thinking_the_way_to_the_answer_is_written() -> None:
    format: Any = NoOpener()
    result = await run(obeys, controllers=[budget(4)], format=format, thinking=Thinking.ON, abilities=NATIVE)
    assert result.trajectory.ids[:4] == WORDS[:4]
    assert parts(result.trajectory, origin=Origin.INJECTED) == "\n\n\n"
    assert result.shown.content == "yes"
