"""Grammars and forced calls: attached to the call that begins the answer, after thinking, and never edited."""

from typing import Any

import pytest

from flyball.controllers.boundary import TokenWatch
from flyball.controllers.edits import Inject
from flyball.core.chat_format import Thinking
from flyball.core.engine import EngineRequest, Grammar
from flyball.core.events import Channel, FinishReason, Origin

from .worlds import (
    ANSWER_END,
    DELTAS,
    EOS,
    START,
    THINK_END,
    TOOL,
    acted,
    call_number,
    edits_once,
    ids,
    parts,
    pocket,
    run,
)

JSON = Grammar(json_object=True)
CLOSE = pocket().think_end_id
ANSWER = '{"a": 1}'
BODY = '{"name": "add", "arguments": {"a": 7}}'


def obeys(request: EngineRequest) -> list[int]:
    """A model that thinks until it is stopped, and writes what a grammar asks for."""
    grammar = request.sampling.grammar
    if grammar is not None:
        return ids((ANSWER if grammar.json_object else BODY) + EOS)
    return ids(f"a b</think>\n\nfree text{EOS}")


def grammars(result: Any) -> list[Grammar | None]:
    return [request.sampling.grammar for request in result.engine.requests]


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("thinking", [Thinking.ON, Thinking.DEFAULT])
async def test_a_grammar_waits_for_the_end_of_thinking(thinking: Thinking, deltas: tuple[int, ...]) -> None:
    result = await run(obeys, grammar=JSON, thinking=thinking, deltas=deltas)
    assert (result.shown.reasoning, result.shown.content) == ("a b", ANSWER)
    assert grammars(result) == [None, JSON]
    first, second = result.engine.requests
    assert CLOSE in first.sampling.stop_ids
    assert CLOSE not in second.sampling.stop_ids
    opened = "<think>\n" if thinking is Thinking.DEFAULT else ""
    assert result.kept() == f"{opened}a b</think>\n\n{ANSWER}{EOS}"


async def test_without_thinking_the_first_call_has_the_grammar() -> None:
    result = await run(obeys, grammar=JSON, thinking=Thinking.OFF, seed=3)
    assert (result.kept(), grammars(result)) == (f"{ANSWER}{EOS}", [JSON])
    assert result.engine.requests[0].sampling.seed == 3


async def test_an_answer_that_must_match_is_not_edited() -> None:
    controllers = [
        edits_once("at start", START, Inject("x")),
        edits_once("in the answer", TokenWatch(2, Channel.ANSWER), Inject("x")),
        edits_once("at its end", ANSWER_END, Inject("x")),
    ]
    result = await run(obeys, grammar=JSON, controllers=controllers, thinking=Thinking.OFF)
    assert (result.kept(), acted(result.trajectory)) == (f"{ANSWER}{EOS}", [])


async def test_the_thinking_before_it_is_edited_as_ever() -> None:
    controllers = [edits_once("hint", THINK_END, Inject(" X")), edits_once("start", START, Inject("S"))]
    result = await run(obeys, grammar=JSON, controllers=controllers, thinking=Thinking.ON)
    assert result.kept() == f"Sa b Xa b</think>\n\n{ANSWER}{EOS}"
    assert set(acted(result.trajectory)) == {"hint", "start"}
    assert grammars(result) == [None, None, JSON]


async def test_a_model_that_ends_its_turn_while_it_thinks_still_answers() -> None:
    script = lambda request: obeys(request) if request.sampling.grammar else ids(f"a b{EOS}")
    result = await run(script, grammar=JSON, thinking=Thinking.ON)
    assert result.kept() == f"a b\n</think>\n\n{ANSWER}{EOS}"
    assert parts(result.trajectory, origin=Origin.INJECTED) == "\n\n\n"
    assert result.trajectory.dropped == 1


async def test_a_model_that_quotes_a_call_in_its_thinking_and_ends_its_turn_there_still_answers() -> None:
    script = lambda request: obeys(request) if request.sampling.grammar else ids(f"a <tool_call>\nx{EOS}")
    result = await run(script, grammar=JSON, tools=(TOOL,), thinking=Thinking.ON)
    assert result.kept().endswith(f"</think>\n\n{ANSWER}{EOS}")
    assert grammars(result) == [None, JSON]


async def test_an_edit_inside_of_a_quoted_call_does_not_begin_the_answer() -> None:
    script = lambda request: (
        obeys(request)
        if request.sampling.grammar
        else ids("a <tool_call>\nx y z" if call_number(request) == 0 else "</tool_call> b</think>")
    )
    controllers = [edits_once("a", TokenWatch(2, Channel.CALL), Inject(" in"))]
    result = await run(script, grammar=JSON, controllers=controllers, tools=(TOOL,), thinking=Thinking.ON)
    assert grammars(result) == [None, None, JSON]
    assert result.shown.content.endswith(ANSWER)


async def test_a_limit_that_closes_the_thinking_leads_to_the_answer() -> None:
    script = lambda request: obeys(request) if request.sampling.grammar else ids("a b c d e f g h")
    controllers = [{"name": "thinking_budget", "tokens": 3}]
    result = await run(script, grammar=JSON, controllers=controllers, thinking=Thinking.ON)
    assert result.kept().endswith(f"</think>\n\n{ANSWER}{EOS}")
    assert result.trajectory.thinking == 3


async def test_min_tokens_do_not_keep_thinking_from_ending() -> None:
    result = await run(obeys, grammar=JSON, min_tokens=20, thinking=Thinking.ON)
    first, second = (request.sampling.min_tokens for request in result.engine.requests)
    assert (first, second) == (0, 20 - len(ids("a b</think>")))


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("thinking", [Thinking.ON, Thinking.DEFAULT, Thinking.OFF])
async def test_a_forced_call_is_written_around_its_body(thinking: Thinking, deltas: tuple[int, ...]) -> None:
    result = await run(obeys, force_call=(TOOL,), tools=(TOOL,), thinking=thinking, deltas=deltas)
    assert result.shown.calls == [["add", '{"a": 7}']]
    assert (result.shown.content, result.shown.finish) == ("", FinishReason.TOOL_CALLS)
    assert result.kept().endswith(f"<tool_call>\n{BODY}\n</tool_call>")
    injected = parts(result.trajectory, origin=Origin.INJECTED, channel=Channel.CALL)
    assert injected == "\n\n"
    (schema,) = [grammar.json_schema for grammar in grammars(result) if grammar is not None]
    assert schema is not None
    assert schema["properties"]["name"] == {"const": "add"}


async def test_a_forced_call_that_runs_out_of_tokens_is_left_as_it_is() -> None:
    result = await run(obeys, force_call=(TOOL,), tools=(TOOL,), thinking=Thinking.OFF, max_tokens=5)
    assert result.shown.finish == FinishReason.LENGTH
    assert not result.kept().endswith("</tool_call>")
