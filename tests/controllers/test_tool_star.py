"""tool_star: the debugger, the backtracer and the refiner, and what happens when their models do not help."""

from __future__ import annotations

from typing import Any

import pytest

from flyball.controllers.methods.tool_star import code_in
from flyball.core.errors import EngineError, RequestError
from flyball.core.events import Acted, Asked, ContextReplaced, Dropped, ToolAnswered
from flyball.core.ledger import AUXILIARY

from .auxiliaries import Auxiliary
from .toolbox import call, offered, python, responses
from .worlds import DELTAS, EOS, Run, acted, ids, notes, run, text_of, writes

BAD, GOOD = "print(6*)", "print(6*7)"
ANSWERS = f"It is 42.{EOS}"
MENDS = f"```python\n{GOOD}\n```"


def star(**params: Any) -> dict[str, Any]:
    return {"name": "tool_star", "debug": 0, "rollback": 0, "refine": 0, **params}


def template(code: str, before: str = "") -> str:
    return before + call("python", code=code) + EOS


def told(result: Run) -> list[tuple[str, str]]:
    return [(event.status, event.text) for event in result.trajectory.tool_events if isinstance(event, ToolAnswered)]


def debugger(reply: str = MENDS, **options: Any) -> dict[str, Any]:
    return {"models": {"helper": Auxiliary(lambda _: reply, **options)}}


DEBUG = star(debug=1, debugger="helper")

# -- the debugger --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deltas", DELTAS)
async def test_failing_code_is_rewritten_and_the_model_reads_what_that_gives(deltas: Any) -> None:
    models = debugger()
    result = await run(writes(template(BAD), ANSWERS), controllers=[DEBUG], deltas=deltas, **offered(python), **models)
    assert result.kept() == template(BAD) + responses("42") + ANSWERS
    assert told(result) == [("ok", "42")]
    (question,) = models["models"]["helper"].asked
    assert BAD in question and "SyntaxError" in question
    assert acted(result.trajectory) == ["tool_star"]
    assert result.episode.ledger.spent("tool_calls.python") == 2
    assert result.episode.ledger.spent(AUXILIARY) > 0
    (logged,) = [event for event in result.trajectory.log if isinstance(event, Asked)]
    assert (logged.by, logged.model) == ("tool_star", "helper")


async def test_fenced_code_is_rewritten_as_well() -> None:
    fence = f"<think>\n```python\n{BAD}\n```\n"
    result = await run(
        writes(fence, f"</think>\n\n{ANSWERS}"), controllers=[DEBUG], **offered(python, fenced=True), **debugger()
    )
    assert result.kept() == f"{fence}```output\n42\n```\n</think>\n\n{ANSWERS}"


async def test_code_that_fails_again_gives_its_error_and_is_not_rolled_back() -> None:
    controllers = [star(debug=1, rollback=1, debugger="helper")]
    result = await run(
        writes(template(BAD), ANSWERS), controllers=controllers, **offered(python), **debugger("print(open)")
    )
    assert told(result) == [("user_error", "cannot evaluate open")]


async def test_only_so_many_codes_are_rewritten() -> None:
    result = await run(
        writes(template(BAD), template(BAD), ANSWERS), controllers=[DEBUG], **offered(python), **debugger()
    )
    assert [status for status, _ in told(result)] == ["ok", "user_error"]


@pytest.mark.parametrize(
    ("models", "note"),
    [
        (debugger("", name="helper"), []),
        (debugger(error=EngineError("helper is gone")), ["no verdict: helper is gone"]),
    ],
    ids=["says nothing", "down"],
)
async def test_a_debugger_that_does_not_help_leaves_the_error(models: dict[str, Any], note: list[str]) -> None:
    result = await run(writes(template(BAD), ANSWERS), controllers=[DEBUG], **offered(python), **models)
    assert [status for status, _ in told(result)] == ["user_error"]
    assert notes(result.trajectory) == note
    assert result.shown.content == "It is 42."


async def test_a_debugger_that_is_slow_is_not_waited_for() -> None:
    slow = Auxiliary(lambda _: MENDS)
    slow.free.clear()
    controllers = [{**DEBUG, "seconds": 0.01}]
    result = await run(
        writes(template(BAD), ANSWERS), controllers=controllers, models={"helper": slow}, **offered(python)
    )
    assert notes(result.trajectory) == ["no verdict within 0.01 s"]
    assert (slow.running, result.shown.content) == (0, "It is 42.")


async def test_rewritten_code_beyond_the_budget_is_refused() -> None:
    result = await run(
        writes(template(BAD), ANSWERS),
        controllers=[DEBUG],
        budget={"tool_calls.python": 1},
        **offered(python),
        **debugger(),
    )
    ((status, text),) = told(result)
    assert status == "user_error" and text.startswith("The budget allows no more calls of 'python'")
    assert result.episode.ledger.spent("tool_calls.python") == 1


def test_code_is_taken_from_its_block_or_is_all_of_the_reply() -> None:
    assert code_in("Here:\n```python\nprint(1)\n```\nDone.") == "print(1)"
    assert code_in(" print(1)\n") == "print(1)"


async def test_a_model_that_is_not_there_is_refused_by_its_parameter() -> None:
    with pytest.raises(RequestError, match="no auxiliary model 'gone'; known: self") as refused:
        await run(writes(ANSWERS), controllers=[star(refiner="gone")])
    assert refused.value.param == "flyball.controllers.0.refiner"


# -- the backtracer ------------------------------------------------------------------------------------------------

ROLLBACK = star(rollback=1)


@pytest.mark.parametrize("deltas", DELTAS)
async def test_a_failed_call_is_cut_out_back_to_the_line_before(deltas: Any) -> None:
    first = "<think>\nA first line.\nI compute it.\n</think>\n\n" + template(BAD)
    texts = [first, "Or so.\n</think>\n\n" + template(GOOD), ANSWERS]
    result = await run(writes(*texts), controllers=[ROLLBACK], deltas=deltas, **offered(python))
    kept = "<think>\nA first line.\nOr so.\n</think>\n\n" + template(GOOD)
    assert result.kept() == kept + responses("42") + ANSWERS


async def test_where_there_is_no_line_before_the_prompt_stays() -> None:
    result = await run(writes(template(BAD, "So "), ANSWERS), controllers=[ROLLBACK], **offered(python))
    (dropped,) = [event for event in result.trajectory.log if isinstance(event, Dropped)]
    assert dropped.position == 0
    assert result.engine.requests[1].ids == result.trajectory.prompt_ids
    assert result.kept() == ANSWERS


async def test_only_so_many_calls_are_rolled_back_and_earlier_results_stay() -> None:
    texts = [template(GOOD), template(BAD), template(BAD), ANSWERS]
    result = await run(writes(*texts), controllers=[ROLLBACK], **offered(python))
    assert [status for status, _ in told(result)] == ["ok", "user_error"]
    assert result.kept().startswith(template(GOOD) + responses("42"))


# -- the refiner ---------------------------------------------------------------------------------------------------


def refines(text: str = "In short: 42.", **options: Any) -> dict[str, Any]:
    return {"models": {"helper": Auxiliary(lambda _: text, **options)}}


LONG = "word " * 60
REFINE = star(refine=1, refine_at=80, refiner="helper")


@pytest.mark.parametrize("fenced", [False, True], ids=["template", "fenced"])
async def test_a_long_context_is_condensed_and_prompt_and_question_stay(fenced: bool) -> None:
    first = f"<think>\n{LONG}\n```python\n{GOOD}\n```\n" if fenced else template(GOOD, LONG)
    last = f"</think>\n\n{ANSWERS}" if fenced else ANSWERS
    models = refines()
    result = await run(
        writes(first, last, last),
        controllers=[REFINE],
        messages=({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Start with 7, add 5."}),
        **offered(python, fenced=fenced),
        **models,
    )
    context = text_of(result.engine.requests[-1].ids)
    assert "Be brief." in context and "Start with 7, add 5." in context and "In short: 42." in context
    assert "word word" not in context
    assert context.endswith("<think>\n") == fenced
    assert "word word" in result.shown.reasoning + result.shown.content
    assert result.shown.content.endswith("It is 42.")
    assert LONG.strip() in models["models"]["helper"].asked[0]


@pytest.mark.parametrize(
    "models",
    [refines(""), refines("longer " * 300), refines(error=EngineError("gone"))],
    ids=["empty", "longer", "down"],
)
async def test_a_refiner_that_does_not_help_leaves_the_context(models: dict[str, Any]) -> None:
    result = await run(writes(template(GOOD, LONG), ANSWERS), controllers=[REFINE], **offered(python), **models)
    assert not any(isinstance(event, ContextReplaced) for event in result.trajectory.log)
    assert result.shown.content.endswith("It is 42.")


async def test_a_short_context_is_left_alone() -> None:
    models = refines()
    result = await run(
        writes(template(GOOD), ANSWERS), controllers=[REFINE | {"refine_at": 4000}], **offered(python), **models
    )
    assert models["models"]["helper"].asked == []
    assert not any(isinstance(event, Acted) for event in result.trajectory.log)
    assert ids(result.kept()) == result.trajectory.ids
