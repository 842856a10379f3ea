"""metatool: tools are offered only where a model says that the question needs one."""

from __future__ import annotations

import math
from typing import Any

import pytest

from flyball.core.errors import EngineError
from flyball.core.events import Asked, Decided, Noted, ToolAnswered
from flyball.core.model import ModelReply

from .auxiliaries import Auxiliary
from .toolbox import add, call, offered, python
from .worlds import EOS, Run, run, text_of, writes

ANSWERS = f"It is 12.{EOS}"
GATE = {"name": "metatool", "model": "helper"}


def says(*words: tuple[str, float]) -> dict[str, Auxiliary]:
    """A model whose first token has these probabilities."""
    likeliest = tuple((word, math.log(probability)) for word, probability in words)
    return {"helper": Auxiliary(lambda _: ModelReply(words[0][0], 9, 1, likeliest))}


NO, YES = says((" no", 0.6), ("No", 0.3), ("yes", 0.1)), says(("Yes", 0.8), ("no", 0.2))


async def gated(models: dict[str, Auxiliary], **options: Any) -> Run:
    given = {"controllers": [GATE], "models": models, **offered(add, python, client=True), **options}
    return await run(writes(ANSWERS), **given)


def decisions(result: Run) -> list[tuple[Any, Any]]:
    events = [event.decision for event in result.trajectory.log if isinstance(event, Decided)]
    return [(decision.chosen, dict(decision.features)) for decision in events]


async def test_where_no_tool_is_needed_the_prompt_names_none() -> None:
    result = await gated(NO)
    prompt = text_of(result.trajectory.prompt_ids)
    assert "python" not in prompt and "ask_user" not in prompt
    assert result.trajectory.prompt_ids == (await run(writes(ANSWERS))).trajectory.prompt_ids
    assert decisions(result) == [(("no_tools",), {"p_yes": pytest.approx(0.1)})]
    (asked,) = [event for event in result.trajectory.log if isinstance(event, Asked)]
    assert (asked.by, asked.model, asked.position) == ("metatool", "helper", 0)


async def test_where_one_is_needed_everything_is_as_without_the_gate() -> None:
    result = await run(
        writes(call("add", a=7, b=5) + EOS, ANSWERS), controllers=[GATE], models=YES, **offered(add, python)
    )
    plain = await run(writes(call("add", a=7, b=5) + EOS, ANSWERS), **offered(add, python))
    assert result.trajectory.ids == plain.trajectory.ids
    assert decisions(result) == [(("tools",), {"p_yes": pytest.approx(0.8)})]


async def test_a_call_that_is_written_all_the_same_is_not_run() -> None:
    script = writes(call("add", a=7, b=5) + EOS, ANSWERS)
    result = await run(script, controllers=[GATE], models=NO, **offered(add))
    (answer,) = (event for event in result.trajectory.log if isinstance(event, ToolAnswered))
    assert (answer.refused, answer.status, result.shown.finish) == (True, "user_error", "stop")
    assert "<tool_call>" not in result.shown.content


async def test_every_choice_is_asked_for_and_its_log_says_so() -> None:
    models = says(("no", 1.0))
    result = await gated(models, n=3)
    assert len(models["helper"].asked) == 3
    logs = [trial.trajectory.log for trial in result.episode.trials]
    assert [sum(isinstance(event, Decided) for event in log) for log in logs] == [1, 1, 1]
    assert [sum(isinstance(event, Asked) for event in log) for log in logs] == [1, 1, 1]


@pytest.mark.parametrize(
    ("models", "note"),
    [
        ({"helper": Auxiliary(lambda _: "perhaps")}, []),
        ({"helper": Auxiliary(str, error=EngineError("gone"))}, ["no reply: gone"]),
    ],
    ids=["neither", "down"],
)
async def test_without_a_readable_reply_the_tools_stay(models: dict[str, Auxiliary], note: list[str]) -> None:
    result = await gated(models)
    assert "ask_user" in text_of(result.trajectory.prompt_ids)
    assert [event.text for event in result.trajectory.log if isinstance(event, Noted)] == note


async def test_a_model_that_is_slow_is_not_waited_for() -> None:
    slow = Auxiliary(lambda _: "no")
    slow.free.clear()
    result = await gated({"helper": slow}, controllers=[GATE | {"seconds": 0.01}])
    assert "ask_user" in text_of(result.trajectory.prompt_ids)
    assert slow.running == 0


async def test_nobody_is_asked_without_tools_or_in_the_middle_of_calls() -> None:
    models = says(("no", 1.0))
    await run(writes(ANSWERS), controllers=[GATE], models=models)
    made = {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    history = (
        {"role": "user", "content": "Start with 7, add 5."},
        {"role": "assistant", "content": "", "tool_calls": [made]},
        {"role": "tool", "tool_call_id": "1", "content": "12"},
    )
    await gated(models, messages=history)
    assert models["helper"].asked == []


async def test_the_threshold_and_the_short_form_are_the_requests() -> None:
    models = says(("no", 0.9), ("yes", 0.1))
    result = await gated(models, controllers=[GATE | {"threshold": 0.05, "form": "short"}])
    assert decisions(result)[0][0] == ("tools",)
    assert models["helper"].asked == ["Problem: Start with 7, add 5.\nDoes this need a tool? Reply yes or no."]
