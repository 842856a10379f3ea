"""Delays, streams, the greedy model and the flawed tool: the parts that measure by themselves."""

from __future__ import annotations

import json

import pytest

from benchmarks.controllers.asgi_client import Answered, answered, stream
from benchmarks.controllers.delay import delays
from benchmarks.controllers.servers.flawed import printed
from benchmarks.controllers.studies.over_budget import Outcome, body, judged, outcomes
from benchmarks.controllers.timed_engine import TimedEngine
from flyball.core.engine import Abilities
from flyball.core.errors import ToolError
from flyball.server.app import build_app
from flyball.server.config import Config
from flyball.server.engines.scripted import ScriptedEngine

from ...server.scripted_model import THINKING, PocketScript
from ...server.serving import pocket_format

EMITTED = [(0.0, "<think>\n"), (1.0, "ab"), (2.0, "cd"), (3.0, "</think>")]


def test_a_piece_is_as_late_as_its_last_character() -> None:
    assert list(delays(EMITTED, [(2.5, "abcd")])) == [0.5]
    assert list(delays(EMITTED, [(1.5, "a"), (1.75, "b"), (4.0, "cd")])) == [0.5, 0.75, 2.0]


def test_a_text_that_the_engine_did_not_give_has_no_delay() -> None:
    assert list(delays(EMITTED, [(2.0, "xyz")])) == []
    assert list(delays(EMITTED, [])) == []
    assert list(delays([(0.0, "ab")], [(1.0, "ab"), (2.0, "cd")])) == []


def test_a_stream_tells_its_thinking_its_tokens_and_its_edits() -> None:
    events = [
        {"id": "r", "choices": [{"delta": {"role": "assistant", "content": ""}}]},
        {"id": "r", "choices": [{"delta": {"reasoning": "ab", "reasoning_content": "ab"}}]},
        {"id": "r", "choices": [{"delta": {"content": "4"}}], "usage": None},
        {"id": "r", "choices": [], "usage": {"completion_tokens": 7}, "flyball": {"acted": [{}]}},
    ]
    pieces = [(float(at), b"data: " + json.dumps(event).encode() + b"\n\n") for at, event in enumerate(events)]

    assert answered([*pieces, (9.0, b": keep-alive\n\n"), (9.0, b"data: [DONE]\n\n")]) == Answered(
        "r", [(1.0, "ab")], 7, 1
    )


async def test_delays_of_a_real_stream_are_those_of_its_engine_call() -> None:
    """The application, streamed from in this process: each piece comes after the engine gave it, and all are found."""
    format = pocket_format()
    inner = ScriptedEngine(PocketScript(format), eos_ids=format.eos_ids, abilities=Abilities(context_length=1024))
    engine = TimedEngine(inner, format)
    config = Config.model_validate({"tools": {"python": {"enabled": False}, "search": {"enabled": False}}})
    app = build_app(config, engine=lambda config, format: engine, format=format)
    asked = {"model": "pocket", "messages": [{"role": "user", "content": "?"}], "max_tokens": 200}
    async with app.router.lifespan_context(app):
        answer = await stream(app, asked)
        with pytest.raises(RuntimeError, match="404"):
            await stream(app, asked | {"model": "nobody"})

    assert "".join(text for _, text in answer.thinking).strip() == THINKING
    found = list(delays(engine.calls[f"{answer.id}-0-0"], answer.thinking))
    assert len(found) == len(answer.thinking) and min(found) >= 0
    assert answer.tokens > len(found) / 2


async def test_a_model_that_wants_more_than_any_budget_gets_no_call_more() -> None:
    """Of 60 requests of every kind; some budgets are used up, so the limit was reached, not only never met."""
    found = await outcomes(60)

    assert len(found) == 60 and {outcome.kind for outcome in found} == {
        "one trajectory",
        "the block",
        "a vote of three",
    }
    assert not [outcome for outcome in found if outcome.over or outcome.counted != outcome.booked]
    assert any(outcome.counted == outcome.limit > 0 for outcome in found)


def test_a_call_too_many_misses_the_goal() -> None:
    over, apart = judged([Outcome("the block", limit=2, counted=3, booked=2), Outcome("the block", 1, 1, 1)]).goals

    assert (over.found, over.met) == ("1", False)
    assert (apart.found, apart.met) == ("1", False)


def test_requests_differ_and_come_again_as_they_were() -> None:
    assert body(7) == body(7)
    assert len({(kind, limit) for kind, limit, _ in map(body, range(100))}) > 10


@pytest.mark.parametrize(("code", "text"), [("print(12*34+5)", "413"), ("print(9 - (2 + 3))", "4")])
def test_the_flawed_tool_computes_what_the_model_writes(code: str, text: str) -> None:
    assert printed(code) == text


@pytest.mark.parametrize("code", ["print(", "import os", "print(open)", "print(2**9)", "print(1, 2)", "x = 1"])
def test_the_flawed_tool_runs_nothing_else(code: str) -> None:
    with pytest.raises(ToolError):
        printed(code)
