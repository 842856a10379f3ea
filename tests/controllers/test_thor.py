"""thor: a failed call is taken back with some of what stood before it, and tried again, so often and no oftener."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from flyball.core.engine import EngineRequest
from flyball.core.events import Acted, Dropped, ToolAnswered, ToolCalled
from flyball.core.trajectory import replay
from flyball.tools.marks import tool

from .toolbox import Held, add, call, offered, python, responses
from .worlds import DELTAS, EOS, Run, ids, notes, opened, plain, run, text_of, writes

BAD, GOOD = "open", "print(6*7)"
ANSWERS = f"It is 42.{EOS}"


def thor(**params: Any) -> dict[str, Any]:
    return {"name": "thor", "backtrack": 0, **params}


def fenced(code: str) -> str:
    return f"I compute.\n```python\n{code}\n```\n"


def statuses(result: Run) -> list[str]:
    return [event.status for event in result.trajectory.tool_events if isinstance(event, ToolAnswered)]


def template(code: str) -> str:
    return f"So. {call('python', code=code)}{EOS}"


def spent(result: Run) -> float:
    return result.episode.ledger.spent("tool_calls.python")


@pytest.mark.parametrize("deltas", DELTAS)
async def test_failed_code_and_its_error_are_gone_and_the_model_writes_on_from_before_it(deltas: Any) -> None:
    texts = ["<think>\n" + fenced(BAD), f"```python\n{GOOD}\n```\n", f"Yes.\n</think>\n\n{ANSWERS}"]
    result = await run(writes(*texts), controllers=[thor()], deltas=deltas, **offered(python, fenced=True))

    assert result.kept() == f"<think>\n{fenced(GOOD)}```output\n42\n```\nYes.\n</think>\n\n{ANSWERS}"
    assert (statuses(result), spent(result)) == (["ok"], 2)
    assert result.engine.requests[1].ids == [*result.trajectory.prompt_ids, *ids("<think>\nI compute.\n")]


@pytest.mark.parametrize("deltas", DELTAS)
async def test_a_failed_template_call_is_taken_back_in_the_same_way(deltas: Any) -> None:
    texts = [template(BAD), call("python", code=GOOD) + EOS, ANSWERS]
    result = await run(writes(*texts), controllers=[thor()], deltas=deltas, **offered(python))

    assert result.kept() == template(GOOD) + responses("42") + ANSWERS
    called = [event for event in result.trajectory.tool_events if isinstance(event, ToolCalled)]
    assert len(called) == 1
    assert replay(result.trajectory.log).tool_events == result.trajectory.tool_events


async def test_tokens_before_the_action_are_dropped_too_but_never_those_before_the_last_results() -> None:
    texts = [template(GOOD), "One two three four. " + template(BAD), ANSWERS]
    for backtrack in (3, 500):
        result = await run(writes(*texts), controllers=[thor(backtrack=backtrack)], **offered(python))
        (dropped,) = [event for event in result.trajectory.log if isinstance(event, Dropped)]
        before = len(ids(template(GOOD) + responses("42")))
        whole = len(ids("One two three four. So. "))
        assert dropped.position == before + max(0, whole - backtrack)
        assert statuses(result) == ["ok"]


async def test_after_the_last_retry_the_error_is_kept_and_every_try_is_charged() -> None:
    def script(request: EngineRequest) -> Iterable[int]:
        said = text_of(request.ids)
        return ids(ANSWERS if "cannot evaluate" in said else template(BAD))

    result = await run(script, controllers=[thor(retries=3, backtrack=500)], **offered(python))
    assert (statuses(result), spent(result)) == (["user_error"], 4)
    assert result.shown.content.endswith("It is 42.")
    assert sum(isinstance(event, Acted) for event in result.trajectory.log) == 3


async def test_retries_count_as_rounds() -> None:
    result = await run(writes(template(BAD)), controllers=[thor(retries=9, backtrack=500)], **offered(python, rounds=3))
    assert spent(result) == 3
    assert "The limit of 3 rounds of tool calls is met." in result.kept()
    assert result.trajectory.finished is not None
    assert result.trajectory.finished.by == "tool_rounds"


async def test_a_call_that_the_budget_refuses_is_not_tried_again() -> None:
    texts = [template(BAD), template(BAD), ANSWERS]
    result = await run(
        writes(*texts), controllers=[thor(backtrack=500)], budget={"tool_calls.python": 1}, **offered(python)
    )
    assert not any(isinstance(event, Acted) for event in result.trajectory.log)
    assert statuses(result) == ["user_error", "user_error"]


@tool(effect="pure")
def fails(q: str = "") -> str:
    """Raises what no tool should raise."""
    raise KeyError(q)


@pytest.mark.parametrize(
    "turn", [call("fails"), call("python", code=BAD) + call("add", a=1, b=2)], ids=["infra", "half"]
)
async def test_what_is_not_the_models_doing_and_turns_that_failed_in_part_stay(turn: str) -> None:
    result = await run(writes(turn + EOS, ANSWERS), controllers=[thor()], **offered(python, add, fails))
    assert not any(isinstance(event, Acted) for event in result.trajectory.log)


async def test_without_retries_an_error_stays() -> None:
    result = await run(writes(template(BAD), ANSWERS), controllers=[thor(retries=0)], **offered(python))
    assert statuses(result) == ["user_error"]


async def test_a_tool_with_side_effects_runs_and_what_it_changed_stays_changed() -> None:
    changed: list[str] = []

    @tool(effect="side_effects")
    def write(text: str) -> str:
        """Writes."""
        changed.append(text)
        return "written"

    turn = call("write", text="a") + EOS
    result = await run(writes(turn, ANSWERS), controllers=[thor()], **offered(write))
    assert (changed, statuses(result)) == (["a"], ["ok"])


@pytest.mark.parametrize("fenced_form", [False, True], ids=["template", "fenced"])
async def test_streamed_and_plain_bodies_are_equal_and_several_choices_retry_on_their_own(fenced_form: bool) -> None:
    def script(request: EngineRequest) -> Iterable[int]:
        number = int(request.request_id.split("-")[-1])
        code = GOOD if number > 1 else BAD
        if fenced_form:
            return ids("<think>\n" + fenced(code) if number <= 2 else f"\n</think>\n\n{ANSWERS}")
        return ids(template(code) if number <= 2 else ANSWERS)

    options = {"n": 2, "events": True, **offered(python, fenced=fenced_form)}
    result = await run(script, controllers=[thor(backtrack=2)], **options)
    bodies = plain(result.episode)
    assert [(body.reasoning, body.content) for body in result.choices] == [
        (body.reasoning, body.content) for body in bodies
    ]
    assert "cannot evaluate" not in result.shown.reasoning
    assert [len(body.events) for body in result.choices] == [len(body.events) for body in bodies]


async def test_what_stands_before_the_last_results_is_sent_before_the_end() -> None:
    sent: list[str] = []
    episode, engine = opened(
        writes(template(GOOD), "Now. " + template(GOOD), ANSWERS), controllers=[thor()], **offered(python)
    )
    async for _, piece, ended in episode.pieces():
        if ended is None and (piece.content or piece.reasoning):
            sent.append(piece.reasoning + piece.content)
    await engine.close()
    assert len(sent) == 2
    assert "42" in sent[0]


async def test_a_client_that_leaves_while_a_call_runs_leaves_nothing_behind() -> None:
    held = Held()
    episode, engine = opened(writes(call("look", q="a") + EOS), controllers=[thor()], **offered(held.tool()))

    async def read() -> None:
        async for _ in episode.pieces():
            pass

    task = asyncio.create_task(read())
    await asyncio.wait_for(held.begun.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await engine.close()
    assert held.log == ["began a", "cancelled a"]
    assert notes(episode.trials[0].trajectory) == []
