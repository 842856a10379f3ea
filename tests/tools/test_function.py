"""A typed function as a tool: its schema, its arguments, what it returns, and what becomes of its errors."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import functools
import logging
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from flyball.core.errors import ConfigError, ToolError
from flyball.tools.function import FunctionTool
from flyball.tools.marks import marks_of, tool
from flyball.tools.result import Image, Result, Status
from flyball.tools.tool import CallContext, Effect

from .doubles import context

PNG = b"\x89PNG\r\n\x1a\nrest"


async def call(function: Callable[..., Any], **arguments: Any) -> Result:
    return await FunctionTool(function).call(arguments, context())


# -- the schema -------------------------------------------------------------------------------------------------------


@tool(effect="read_only", usd=0.01, timeout=5)
def forecast(town: str, days: Annotated[int, Field(ge=1, le=14)] = 3, unit: Literal["C", "F"] = "C") -> str:
    """Tells the weather of the next days.

    Only for towns of this country.

    Args:
        town: The town's name,
            without its county.
        days: How many days.
    """
    return f"{town} {days} {unit}"


def test_a_spec_comes_from_signature_docstring_and_marks() -> None:
    spec = FunctionTool(forecast).spec

    assert spec.name == "forecast"
    assert spec.description == "Tells the weather of the next days.\n\nOnly for towns of this country."
    assert (spec.effect, spec.usd, spec.timeout) == (Effect.READ_ONLY, 0.01, 5)
    assert spec.parameters == {
        "type": "object",
        "properties": {
            "town": {"type": "string", "description": "The town's name,\nwithout its county."},
            "days": {"type": "integer", "minimum": 1, "maximum": 14, "default": 3, "description": "How many days."},
            "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
        },
        "required": ["town"],
        "additionalProperties": False,
    }


def test_a_marked_function_can_be_called_as_before() -> None:
    assert forecast("Ostrel") == "Ostrel 3 C"


@pytest.mark.parametrize(
    "doc",
    [
        "Adds.\n\nArgs:\n    a: The first.",
        "Adds.\n\nParameters\n----------\na : int\n    The first.",
        "Adds.\n\n:param a: The first.",
    ],
    ids=["google", "numpy", "rest"],
)
def test_parameters_are_described_in_every_common_docstring_style(doc: str) -> None:
    def add(a: int) -> int:
        return a

    add.__doc__ = doc
    spec = FunctionTool(add).spec
    assert (spec.description, spec.parameters["properties"]["a"]["description"]) == ("Adds.", "The first.")


def test_a_description_in_the_type_is_kept() -> None:
    def add(a: Annotated[int, Field(description="The first.")]) -> int:
        return a

    assert FunctionTool(add).spec.parameters["properties"]["a"]["description"] == "The first."


def test_a_function_without_a_docstring_is_described_by_its_name() -> None:
    def add_numbers(a: int) -> int:
        return a

    assert FunctionTool(add_numbers).spec.description == "add numbers"


def test_an_unmarked_function_counts_as_one_with_side_effects() -> None:
    def send(a: int) -> None: ...

    assert FunctionTool(send).spec.effect is Effect.SIDE_EFFECTS
    assert marks_of(send) is None


async def test_parameters_may_have_any_name() -> None:
    """pydantic refuses or warns about some of these as names of its own fields."""

    def odd(_private: int, json: int, model_config: int, copy: int, self: int) -> list[int]:
        return [_private, json, model_config, copy, self]

    arguments = {"_private": 1, "json": 2, "model_config": 3, "copy": 4, "self": 5}
    result = await FunctionTool(odd).call(arguments, context())
    assert result.structured == [1, 2, 3, 4, 5]
    assert set(FunctionTool(odd).spec.parameters["properties"]) == set(arguments)


def untyped(a) -> int:  # type: ignore[no-untyped-def]
    return 1


def positional(a: int, /) -> int:
    return a


def many(*a: int) -> int:
    return 1


def unwritable(a: Callable[[], int]) -> int:
    return a()


def unknown_type(a: Nowhere) -> int:  # type: ignore[name-defined]  # noqa: F821
    return 1


class Opaque:
    pass


def opaque(a: Opaque) -> int:
    return 1


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (untyped, "'a' has no type"),
        (positional, "'a' cannot be given by name"),
        (many, "'a' cannot be given by name"),
        (unwritable, "unwritable: "),
        (unknown_type, "a type cannot be read: name 'Nowhere'"),
        (opaque, "opaque: "),
    ],
)
def test_a_function_that_cannot_be_a_tool_is_refused_when_it_becomes_one(
    function: Callable[..., Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        FunctionTool(function)


@pytest.mark.parametrize("marks", [{"effect": "sometimes"}, {"usd": -1.0}, {"timeout": 0}])
def test_marks_that_mean_nothing_are_a_mistake(marks: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        tool(**marks)


# -- arguments --------------------------------------------------------------------------------------------------------


class Size(Enum):
    SMALL = "small"


class Order(BaseModel):
    item: str
    due: date


async def test_arguments_arrive_as_the_types_of_the_function() -> None:
    def place(order: Order, size: Size, tags: set[str]) -> str:
        return f"{type(order).__name__} {order.due.year} {size.name} {sorted(tags)}"

    result = await call(place, order={"item": "cup", "due": "2026-03-01"}, size="small", tags=["b", "a", "a"])
    assert result.text == "Order 2026 SMALL ['a', 'b']"


async def test_an_argument_of_a_wrong_type_is_the_callers_error() -> None:
    result = await call(forecast, town="Ostrel", days=99)
    assert result.status is Status.USER_ERROR
    assert "'days'" in result.text and "14" in result.text


async def test_an_unknown_argument_is_refused() -> None:
    result = await call(forecast, town="Ostrel", day=2)
    assert result.status is Status.USER_ERROR
    assert "'day'" in result.text


async def test_a_function_may_ask_on_whose_behalf_it_is_called() -> None:
    def whoami(greeting: str, caller: CallContext) -> str:
        return f"{greeting} {caller.session}"

    assert "caller" not in FunctionTool(whoami).spec.parameters["properties"]
    assert (await call(whoami, greeting="hello")).text == "hello s"


# -- what it returns --------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    ("value", "text", "structured"),
    [
        ("plain", "plain", None),
        (None, "The call returned nothing.", None),
        (1.5, "1.5", 1.5),
        ({"a": [1, "ü"]}, '{"a":[1,"ü"]}', {"a": [1, "ü"]}),
        (Point(1), '{"x":1}', {"x": 1}),
        (
            Order(item="cup", due=date(2026, 3, 1)),
            '{"item":"cup","due":"2026-03-01"}',
            {"item": "cup", "due": "2026-03-01"},
        ),
        ([float("nan")], '["NaN"]', ["NaN"]),
        (2**80, str(2**80), 2**80),
    ],
)
async def test_values_become_text_and_json(value: Any, text: str, structured: Any) -> None:
    def give() -> Any:
        return value

    result = await call(give)
    assert (result.status, result.text, result.structured) == (Status.OK, text, structured)


@pytest.mark.parametrize("value", [PNG, Image("image/png", PNG)])
async def test_pictures_become_images(value: Any) -> None:
    def draw() -> Any:
        return value

    result = await call(draw)
    assert result.images == (Image("image/png", PNG),)
    assert result.text == f"[image/png, {len(PNG)} bytes]"


async def test_a_result_goes_through_as_it_is() -> None:
    def give() -> Result:
        return Result(Status.OOM, "too much", restarted=True)

    result = await call(give)
    assert (result.status, result.text, result.restarted) == (Status.OOM, "too much", True)


@pytest.mark.parametrize("value", [b"no picture", object(), {"a": threading.Lock()}])
async def test_a_value_that_nobody_can_read_is_the_tools_fault(value: Any, caplog: pytest.LogCaptureFixture) -> None:
    def give() -> Any:
        return value

    assert (await call(give)).status is Status.INFRA
    assert "give" in caplog.text


async def test_wall_time_is_reported() -> None:
    def work() -> str:
        return "done"

    assert (await call(work)).usage.seconds > 0


# -- errors -----------------------------------------------------------------------------------------------------------


async def test_a_tool_error_is_told_to_the_model() -> None:
    def look_up(key: str) -> str:
        raise ToolError(f"there is no {key!r}")

    result = await call(look_up, key="x")
    assert (result.status, result.text) == (Status.USER_ERROR, "there is no 'x'")


@pytest.mark.parametrize("error", [RuntimeError("password=hunter2"), StopIteration(), SystemExit(3)])
async def test_any_other_exception_is_the_tools_fault_and_only_the_log_knows_it(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> str:
        raise error

    async def fail_async() -> str:
        raise error

    for function in (fail, fail_async):
        caplog.clear()
        result = await call(function)
        assert (result.status, result.text) == (
            Status.INFRA,
            f"The tool {function.__name__!r} failed. This was not caused by your call.",
        )
        assert caplog.records[0].levelno == logging.ERROR
        assert caplog.records[0].exc_info


# -- where it runs ----------------------------------------------------------------------------------------------------


async def test_a_blocking_function_does_not_hold_the_loop_up() -> None:
    """It waits for something that only the event loop can do."""
    entered, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def block() -> bool:
        loop.call_soon_threadsafe(entered.set)
        return go.wait(5)

    running = asyncio.create_task(call(block))
    await asyncio.wait_for(entered.wait(), 5)
    go.set()
    assert (await running).structured is True


async def test_an_async_function_runs_on_the_loop() -> None:
    async def where() -> bool:
        return asyncio.get_running_loop() is loop

    loop = asyncio.get_running_loop()
    assert (await call(where)).structured is True


async def test_a_plain_function_that_gives_an_awaitable_is_awaited() -> None:
    async def work(a: int) -> int:
        return a

    @functools.wraps(work)
    def wrapped(*args: Any, **kwargs: Any) -> Awaitable[int]:
        return work(*args, **kwargs)

    assert (await call(wrapped, a=7)).text == "7"


async def test_context_variables_reach_the_thread() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("here")

    def look() -> str:
        return variable.get()

    assert (await call(look)).text == "here"


async def test_calls_that_were_given_up_and_hang_do_not_take_all_threads() -> None:
    """64 may run; beyond that calls are refused until one ends."""
    go, entered = threading.Event(), threading.Semaphore(0)

    def hang() -> str:
        entered.release()
        go.wait(30)
        return "ended"

    hanging = FunctionTool(hang)
    calls = [asyncio.create_task(hanging.call({}, context())) for _ in range(64)]
    for _ in calls:
        assert await asyncio.to_thread(entered.acquire, timeout=10)
    for running in calls:
        running.cancel()
    await asyncio.gather(*calls, return_exceptions=True)

    assert (await hanging.call({}, context())).status is Status.INFRA

    go.set()
    async with asyncio.timeout(10):
        while (await hanging.call({}, context())).status is Status.INFRA:
            await asyncio.sleep(0)


def test_a_hanging_function_does_not_keep_the_process_from_ending() -> None:
    code = """
import asyncio, threading
from flyball.tools.function import FunctionTool
from flyball.tools.tool import CallContext
entered = threading.Event()
def hang() -> str:
    entered.set()
    threading.Event().wait()
    return ""
async def main():
    call = asyncio.create_task(FunctionTool(hang).call({}, CallContext("s")))
    await asyncio.to_thread(entered.wait)
    call.cancel()
asyncio.run(main())
print("ended")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "ended\n"


async def test_a_function_has_no_sessions_and_nothing_to_close() -> None:
    function = FunctionTool(forecast)
    await function.end_session("s")
    await function.close()
