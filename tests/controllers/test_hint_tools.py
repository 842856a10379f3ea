"""hint_infer and tools: which hints name one, how code is opened, a cap on calls, and requests without an executor."""

from typing import Any

import pytest

from flyball.controllers.hinting import cap, prefill, tedious
from flyball.controllers.hinting.library import hint_library
from flyball.core.chat_format import Thinking

from .hints import CODE, CODE_2, FENCE, FENCE_2, OUTPUT, PYTHON_HINT, decisions, hint, statuses
from .toolbox import CLIENT, add, call, offered, python, responses
from .worlds import DELTAS, EOS, acted, calls, run, writes

END = f"</think>\n\n42{EOS}"
OPENED = "\n```python\n"
CLIENTS_PYTHON = {"type": "function", "function": {"name": "python", "parameters": {"type": "object"}}}


def candidates(result: Any) -> set[str]:
    (decision,) = decisions(result.trajectory)
    return {name.partition(".")[2] for name in decision.candidates}


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ({}, False),
        (offered(add), False),
        (offered(python), True),
        (offered(python, fenced=True), True),
        ({**offered(python, fenced=True), "tools": ()}, True),
        ({"tools": (CLIENTS_PYTHON,)}, True),
        ({"tools": (CLIENT,)}, False),
    ],
    ids=["no tools", "another", "declared", "fenced", "only fenced", "the client's", "another of the client's"],
)
async def test_a_hint_names_a_tool_where_the_request_has_it(request_: dict[str, Any], named: bool) -> None:
    result = await run(writes(f"So.{END}", f" on{END}"), controllers=[hint(rounds=1)], thinking=Thinking.ON, **request_)
    assert ("python" in candidates(result)) is named


async def test_a_hint_to_search_needs_a_search() -> None:
    from flyball.tools.marks import tool

    @tool(effect="pure")
    def search(query: str) -> str:
        """Searches."""
        return "nothing"

    facts = [hint(rounds=1, domain="facts")]
    script = writes(f"So.{END}", f" on{END}")
    assert "search" in candidates(await run(script, controllers=facts, thinking=Thinking.ON, **offered(search)))
    assert "search" not in candidates(await run(script, controllers=facts, thinking=Thinking.ON, **offered(python)))


def hinted(**params: Any) -> dict[str, Any]:
    """A library of one hint: START's."""
    return hint(rounds=1, domain="math", **params)


async def seeded(script: Any, wanted: str, controllers: list[Any], **options: Any) -> Any:
    """The run of the first seed whose drawn hint is the wanted one."""
    for seed in range(40):
        result = await run(script, controllers=controllers, seed=seed, thinking=Thinking.ON, **options)
        if decisions(result.trajectory)[0].chosen == (wanted,):
            return result
    raise AssertionError("it was never drawn")


@pytest.mark.parametrize(
    ("params", "declared", "fenced", "opening"),
    [
        ({}, False, True, OPENED),
        ({}, True, True, OPENED),
        ({"open_fence": False}, False, True, ""),
        ({}, True, False, ""),
        ({"unaided": True}, False, False, OPENED),
        ({"unaided": True, "open_fence": False}, False, False, ""),
    ],
)
async def test_a_hint_to_use_python_opens_code_where_code_runs(
    params: dict[str, Any], declared: bool, fenced: bool, opening: str
) -> None:
    offer = offered(python, fenced=fenced)
    options = {"tools": offer["tools"] if declared else ()}
    if declared or fenced:
        options["server_tools"] = offer["server_tools"]
    result = await seeded(writes(f"So.{END}", f"on{END}"), "math.python", [hinted(**params)], **options)
    assert result.shown.reasoning == f"So.\n\n{PYTHON_HINT}{opening}on"


@pytest.mark.parametrize("deltas", DELTAS)
async def test_code_that_a_hint_opened_is_run_and_the_next_round_comes_behind_its_result(deltas: Any) -> None:
    own = f"Let me use Python.{OPENED}"
    script = writes(f"So 41.{END}", CODE, f"So 42.{END}", CODE_2, f"Yes, 42.{END}")
    options = {**offered(python, fenced=True), "tools": ()}
    result = await run(
        script, controllers=[hint(rounds=2, hints=[own])], deltas=deltas, thinking=Thinking.ON, **options
    )
    own = "\n\nLet me use Python.\n"
    assert result.shown.reasoning == f"So 41.{own}{FENCE}{OUTPUT}So 42.{own}{FENCE_2}{OUTPUT}Yes, 42."
    assert statuses(result.trajectory) == ["ok", "ok"]


async def test_the_hint_for_code_begins_the_block() -> None:
    options = {**offered(python, fenced=True), "tools": ()}
    script = writes(f"So.{END}", "1\n```\n", f"on{END}")
    result = await seeded(script, "code.debug", [hint(rounds=1, domain="code")], **options)
    (debug,) = [each for each in hint_library()["code"] if each.name == "code.debug"]
    assert f"\n\n{debug.text}{OPENED}{debug.code}1\n```\n```output\n" in result.shown.reasoning
    assert statuses(result.trajectory) == ["ok"]


async def test_no_hint_comes_between_a_hint_to_use_a_tool_and_the_call() -> None:
    """A tool that is declared is called behind the thinking: its end is the beginning of the call."""
    controllers = [hint(rounds=3, domain="math", open_fence=False)]
    made = f"Let me run it.</think>\n\n{call('python', code='print(6*7)')}{EOS}"
    script = writes(f"So.{END}", made, f"So 42.{END}", f" on{END}", f" on{END}")
    result = await seeded(script, "math.python", controllers, **offered(python))
    assert f"So.\n\n{PYTHON_HINT}{made}{responses('42')}<think>\nSo 42.\n\n" in result.kept()
    assert acted(result.trajectory) == ["hint_infer"] * 3


@pytest.mark.parametrize("own", ["Let me run PYTHON code.", "Python!"])
async def test_an_own_hint_that_names_a_tool_waits_for_the_call_as_well(own: str) -> None:
    made = f"Let me run it.</think>\n\n{call('python', code='print(6*7)')}{EOS}"
    script = writes(f"So.{END}", made, f"So 42.{END}", f" on{END}")
    controllers = [hint(rounds=2, hints=[own])]
    result = await run(script, controllers=controllers, thinking=Thinking.ON, **offered(python))
    assert f"So.\n\n{own}{made}{responses('42')}<think>\nSo 42.\n\n{own} on" in result.kept()


async def test_a_model_that_makes_no_call_after_such_a_hint_may_end() -> None:
    controllers = [hint(rounds=2, domain="math", open_fence=False)]
    result = await seeded(writes(f"So.{END}", f" No.{END}"), "math.python", controllers, **offered(python))
    assert acted(result.trajectory) == ["hint_infer"]
    assert result.shown.content == "42"


@pytest.mark.parametrize("text", [f"So.\n```python\nprint(1)\n{END}", f"So.\n```text\n{END}"])
async def test_thinking_that_ends_inside_of_code_gets_no_hint(text: str) -> None:
    for options in ({}, offered(python, fenced=True)):
        result = await run(writes(text), controllers=[hint(rounds=3, hints=["Wait."])], thinking=Thinking.ON, **options)
        assert acted(result.trajectory) == []


# -- without an executor ---------------------------------------------------------------------------------------------


async def test_without_an_executor_code_after_a_hint_is_text_and_the_model_thinks_on() -> None:
    own = f"Let me use Python.{OPENED}"
    script = writes(f"So 41.{END}", f"{CODE}No output. So 41.{END}")
    result = await run(script, controllers=[hint(rounds=1, hints=[own])], thinking=Thinking.ON)
    assert result.shown.reasoning == f"So 41.\n\nLet me use Python.\n{FENCE}No output. So 41."
    assert (statuses(result.trajectory), len(calls(result.trajectory))) == ([], 2)


async def test_without_an_executor_no_hint_of_cort_is_given() -> None:
    script = writes(f"So 4821 * 9377 = 4{END}")
    controllers = [hint(prefill=True, tedious=3, trust="result")]
    result = await run(script, controllers=controllers, thinking=Thinking.ON)
    assert acted(result.trajectory) == []


async def test_unaided_they_are_given_all_the_same() -> None:
    script = writes(f" So 4821 * 9377 = 4{END}", f"{CODE}No output.{END}")
    controllers = [hint(prefill=True, tedious=3, unaided=True)]
    result = await run(script, controllers=controllers, thinking=Thinking.ON)
    assert result.shown.reasoning == (f"{prefill.TEXT} So 4821 * 9377\n{tedious.TEXT}\n{FENCE}No output.")


# -- the cap on calls ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deltas", DELTAS)
async def test_behind_the_last_call_the_model_is_told_and_later_code_is_not_run(deltas: Any) -> None:
    script = writes(f"A.\n{FENCE}", f"B.\n{FENCE_2}", f"C.\n{FENCE}", f"D.\n{FENCE}", f"E.{END}")
    options = {**offered(python, fenced=True), "tools": ()}
    result = await run(script, controllers=[hint(calls=2)], deltas=deltas, thinking=Thinking.ON, **options)
    assert statuses(result.trajectory) == ["ok", "ok", "user_error"]
    refusal = "```output\nThe limit of 2 tool calls is met. Answer with what you have.\n```\n"
    assert result.shown.reasoning == (
        f"A.\n{FENCE}{OUTPUT}B.\n{FENCE_2}{OUTPUT}{cap.TEXT}C.\n{FENCE}{refusal}D.\n{FENCE}"
    )


async def test_a_message_with_several_calls_counts_each_of_them() -> None:
    several = "\n".join(call("add", a=n, b=1) for n in range(4))
    script = writes(f"{several}{EOS}", f"{call('add', a=9, b=9)}{EOS}", f"3{EOS}")
    result = await run(script, controllers=[hint(calls=3)], thinking=Thinking.OFF, **offered(add))
    assert statuses(result.trajectory) == ["ok", "ok", "ok", "user_error", "user_error"]
    texts = [event.text for event in result.trajectory.tool_events if hasattr(event, "text")]
    assert texts == ["1", "2", "3", *["The limit of 3 tool calls is met. Answer with what you have."] * 2]
    assert result.shown.content.endswith("3")


async def test_once_the_cap_is_met_no_hint_names_a_tool() -> None:
    own = [f"Let me use Python.{OPENED}"]
    script = writes(f"So.{END}", CODE, f"So 42 and 111 * 222 = 3{END}", f"on{END}")
    options = {**offered(python, fenced=True), "tools": ()}
    controllers = [hint(rounds=3, hints=own, calls=1, tedious=2)]
    result = await run(script, controllers=controllers, thinking=Thinking.ON, **options)
    assert result.kept().count("```python") == 1
    assert tedious.TEXT not in result.shown.reasoning


@pytest.mark.parametrize("calls_", [None, 6])
async def test_as_many_calls_as_published_are_made_unless_asked_for_more(calls_: int | None) -> None:
    params = {} if calls_ == 6 else {"calls": None}
    script = writes(*[f"{call('add', a=n, b=1)}{EOS}" for n in range(8)], f"3{EOS}")
    result = await run(script, controllers=[hint(**params)], thinking=Thinking.OFF, **offered(add))
    assert statuses(result.trajectory).count("ok") == (calls_ or 8)


async def test_without_the_controller_there_is_no_cap() -> None:
    script = writes(*[f"{call('add', a=n, b=1)}{EOS}" for n in range(8)], f"3{EOS}")
    result = await run(script, thinking=Thinking.OFF, **offered(add))
    assert statuses(result.trajectory) == ["ok"] * 8


async def test_a_cap_of_none_refuses_the_first_call() -> None:
    script = writes(f"{call('add', a=1, b=1)}{EOS}", f"3{EOS}")
    result = await run(script, controllers=[hint(calls=0)], thinking=Thinking.OFF, **offered(add))
    assert statuses(result.trajectory) == ["user_error"]
