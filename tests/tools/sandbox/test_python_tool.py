"""The Python tool as a model sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from flyball.core.errors import ToolError
from flyball.tools.python_tool import PythonTool
from flyball.tools.registry import Registry
from flyball.tools.result import Result, Status
from flyball.tools.sandbox import Sandbox, SandboxConfig, Sessions, Tier
from flyball.tools.tool import CallContext, Tool


@pytest_asyncio.fixture
async def tool(sandbox: Sandbox) -> AsyncIterator[PythonTool]:
    sessions = Sessions(sandbox)
    yield PythonTool(sessions, seconds=20)
    await sessions.close_all()


async def call(tool: Tool, code: str, session: str = "a") -> Result:
    return await tool.call({"code": code}, CallContext(session))


async def test_variables_stay_from_call_to_call_of_one_session(tool: PythonTool) -> None:
    first = await call(tool, "x = 6")
    second = await call(tool, "x * 7")
    other = await call(tool, "x", "b")

    assert (first.status, first.text, first.restarted) == (Status.OK, "[no output]", True)
    assert (second.status, second.text, second.restarted) == (Status.OK, "42", False)
    assert other.status is Status.USER_ERROR
    assert other.text.endswith("NameError: name 'x' is not defined")


async def test_a_model_reads_output_then_value(tool: PythonTool) -> None:
    result = await call(tool, "import sys\nprint('out')\nprint('err', file=sys.stderr)\n[1, 2]")

    assert result.text == "out\n[stderr]\nerr\n[1, 2]"
    assert result.structured == {"stdout": "out\n", "stderr": "err\n", "value": "[1, 2]", "error": None}
    assert result.usage.seconds > 0


async def test_a_traceback_shows_the_code_of_the_model_and_of_nobody_else(tool: PythonTool) -> None:
    result = await call(tool, "import json\ndef parse(text):\n    return json.loads(text)\nparse('{')")

    assert result.status is Status.USER_ERROR
    assert result.text.splitlines() == [
        "Traceback (most recent call last):",
        '  File "<cell 1>", line 4, in <module>',
        "    parse('{')",
        '  File "<cell 1>", line 3, in parse',
        "    return json.loads(text)",
        "           ^^^^^^^^^^^^^^^^",
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ]


async def test_the_cause_of_an_error_is_told_too(tool: PythonTool) -> None:
    result = await call(tool, "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyError('k') from error")

    assert "ZeroDivisionError: division by zero\n\nThe above exception was the direct cause" in result.text
    assert result.text.endswith("KeyError: 'k'")


async def test_wrong_syntax_is_shown_where_it_is(tool: PythonTool) -> None:
    result = await call(tool, "x = (1,\n")

    assert result.status is Status.USER_ERROR
    assert result.text.startswith('  File "<cell 1>", line 1')
    assert "SyntaxError" in result.text


async def test_output_that_was_cut_says_so(tool: PythonTool) -> None:
    result = await call(tool, "print('x' * 10_000)")

    assert "characters cut ...]" in result.text
    assert len(result.text) < 2200


async def test_figures_come_as_images(tool: PythonTool) -> None:
    result = await call(tool, "import matplotlib.pyplot as p\np.plot([1, 2])\nNone")

    assert result.text == "[1 image]"
    assert [image.media_type for image in result.images] == ["image/png"]
    assert result.images[0].data.startswith(b"\x89PNG")


async def test_a_lost_session_is_told_twice_and_the_next_call_works(tool: PythonTool) -> None:
    await call(tool, "x = 1")
    lost = await call(tool, "import os\nos._exit(3)")
    anew = await call(tool, "'x' in globals()")

    assert lost.status is Status.USER_ERROR
    assert lost.text.endswith(
        "[The Python session has ended with this call: its variables are lost, the next call starts anew.]"
    )
    assert anew.text == "[The Python session was started anew: the variables of earlier calls are lost.]\nFalse"
    assert anew.restarted


async def test_a_call_stops_before_its_caller_does(sandbox: Sandbox) -> None:
    sessions = Sessions(sandbox)
    tool = PythonTool(sessions, seconds=20)
    await call(tool, "x = 5")
    deadline = asyncio.get_running_loop().time() + 5.5
    late = await tool.call({"code": "while True: pass"}, CallContext("a", deadline=deadline))
    kept = await call(tool, "x")
    await sessions.close_all()

    assert late.status is Status.TIMEOUT
    assert "stopped after" in late.text
    assert asyncio.get_running_loop().time() < deadline
    assert (kept.text, kept.restarted) == ("5", False)


async def test_output_is_heard_while_the_code_runs(tool: PythonTool) -> None:
    heard: list[str] = []
    result = await tool.call({"code": "print(1)\nprint(2)"}, CallContext("a", on_output=heard.append))

    assert "".join(heard) == result.structured["stdout"] == "1\n2\n"


async def test_an_ended_session_is_forgotten(tool: PythonTool) -> None:
    await call(tool, "x = 1")
    await tool.end_session("a")
    await tool.end_session("never")
    result = await call(tool, "'x' in globals()")

    assert result.text == "False"


async def test_code_has_to_be_text(tool: PythonTool) -> None:
    with pytest.raises(ToolError, match="code"):
        await tool.call({"code": 3}, CallContext("a"))


async def test_the_description_tells_what_the_sandbox_allows(tool: PythonTool, sandbox: Sandbox) -> None:
    told = tool.spec.description

    assert "numpy" in told
    assert "no network" in told
    assert ("current folder" in told) == (sandbox.tier is Tier.A)
    assert tool.spec.timeout == 25


async def test_closing_the_tool_ends_its_sandbox(sandbox: Sandbox) -> None:
    own = Sandbox(sandbox.tier, SandboxConfig(preload=()))
    tool = PythonTool(Sessions(own))
    await call(tool, "x = 1")
    await tool.close()
    refused = await call(tool, "x")

    assert own.live_sessions == 0
    assert (refused.status, refused.text.splitlines()[0]) == (Status.INFRA, "the sandbox is closed")


async def test_the_registry_takes_it_and_checks_its_arguments(tool: PythonTool) -> None:
    registered = Registry([tool])["python"]
    right = await call(registered, "6 * 7")
    wrong = await registered.call({"program": "6 * 7"}, CallContext("a"))

    assert right.text == "42"
    assert (wrong.status, "code" in wrong.text) == (Status.USER_ERROR, True)
