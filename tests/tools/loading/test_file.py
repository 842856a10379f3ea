"""Tools from a user's file: what counts as one, and what is said when it does not import."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flyball.core.errors import ConfigError
from flyball.tools.loading.file import load_file
from flyball.tools.tool import Effect

from ..doubles import context


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    before = set(sys.modules)

    def written(text: str) -> Path:
        path = tmp_path / "my_tools.py"
        path.write_text(text, encoding="utf-8")
        return path

    yield written
    for name in set(sys.modules) - before:
        if name.startswith("flyball_tools_"):
            del sys.modules[name]


async def test_marked_functions_and_tool_objects_are_the_tools_when_there_are_any(
    write: Callable[[str], Path],
) -> None:
    path = write("""
from flyball.tools.function import FunctionTool
from flyball.tools.marks import tool

def helper(a: int) -> int:
    return a

@tool(effect="pure")
def double(a: int) -> int:
    return 2 * helper(a)

same = double
thrice = FunctionTool(helper)
""")
    double, thrice = load_file(path)
    assert (double.spec.name, double.spec.effect) == ("double", Effect.PURE)
    assert (await double.call({"a": 4}, context())).text == "8"
    assert thrice.spec.name == "helper"


def test_without_marks_every_public_typed_function_of_the_file_is_a_tool(write: Callable[[str], Path]) -> None:
    path = write("""
from __future__ import annotations
from dataclasses import dataclass
from textwrap import dedent

@dataclass
class Point:
    x: int

LIMIT = [1, (2, [3])]

def beta(point: Point) -> str:
    return str(point)

def alpha() -> str:
    return "a"

def _hidden(a: int) -> int:
    return a

def untyped(a):
    return a
""")
    beta, alpha = load_file(path)
    assert (beta.spec.name, alpha.spec.name) == ("beta", "alpha")
    assert "Point" in beta.spec.parameters["$defs"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1\nimport nothing_of_that_name\n", "my_tools.py, line 2: ModuleNotFoundError: No module named"),
        ("def f(:\n", "my_tools.py, line 1: SyntaxError"),
        ("def g():\n    1 / 0\n\ng()\n", "my_tools.py, line 2: ZeroDivisionError"),
        ("import sys\nsys.exit(3)\n", "my_tools.py, line 2: SystemExit: 3"),
        ("import json\njson.loads('{')\n", "my_tools.py, line 2: JSONDecodeError"),
        ("x = 1\n", "my_tools.py: no tool is defined there"),
        (
            "from flyball.tools.marks import tool\n@tool()\ndef f(a): ...\n",
            "my_tools.py: f: the parameter 'a' has no type",
        ),
        ("from flyball.tools.marks import tool\n@tool\ndef f(a: int): ...\n", "my_tools.py, line 2: TypeError"),
    ],
)
def test_a_file_without_usable_tools_is_a_configuration_error_that_says_where(
    write: Callable[[str], Path], text: str, says: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        load_file(write(text))
    assert says in str(raised.value)


def test_a_file_that_failed_leaves_nothing_behind(write: Callable[[str], Path]) -> None:
    before = set(sys.modules)
    with pytest.raises(ConfigError):
        load_file(write("1 / 0"))
    assert not {name for name in set(sys.modules) - before if name.startswith("flyball_tools_")}


@pytest.mark.parametrize("name", ["missing.py", "tools.txt", "."])
def test_what_is_no_python_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "tools.txt").write_text("hello")
    with pytest.raises(ConfigError, match=r"no such file|no Python file"):
        load_file(tmp_path / name)
