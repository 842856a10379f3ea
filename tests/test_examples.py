"""The examples do what they say."""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from flyball.controllers.registry import CONTROLLERS, names
from flyball.core.chat_format import Thinking
from flyball.tools.dispatch import Call, Dispatcher
from flyball.tools.loading.file import load_file
from flyball.tools.registry import Registry
from flyball.tools.result import Status
from flyball.tools.tool import CallContext
from flyball.tools.wrappers.stack import stacked

from .controllers.worlds import EOS, run, writes
from .server.scripted_model import ANSWER
from .server.serving import Served, serving

ADDRESS = "http://127.0.0.1:8000"
EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example package, as if pip had installed it."""
    info = tmp_path / "flyball_stop_at_answer-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: flyball-stop-at-answer\nVersion: 0.1.0\n")
    table = (EXAMPLES / "thirdparty" / "pyproject.toml").read_text()
    section = table.partition('[project.entry-points."flyball.controllers"]')[2].partition("[")[0]
    (info / "entry_points.txt").write_text("[flyball.controllers]\n" + section.replace('"', "").strip() + "\n")
    monkeypatch.syspath_prepend(str(EXAMPLES / "thirdparty"))
    monkeypatch.syspath_prepend(str(tmp_path))


def _forget() -> None:
    registry: Any = import_module("flyball.controllers.registry")
    registry._theirs.cache_clear()


async def test_a_package_adds_a_controller_through_its_entry_point(installed: None) -> None:
    _forget()
    try:
        assert "stop_at_answer" in names(CONTROLLERS)
        script = writes(f"7 + 5. So the result is 2.\n\nWait, is it?</think>\n\nno{EOS}", f"yes{EOS}")
        result = await run(script, controllers=[{"name": "stop_at_answer"}], thinking=Thinking.ON)
        assert (result.shown.reasoning, result.shown.content) == ("7 + 5. So the result is 2.", "yes")
    finally:
        _forget()
        sys.modules.pop("flyball_stop_at_answer", None)


async def test_the_example_of_tools_loads_and_works() -> None:
    tools = Registry(load_file(EXAMPLES / "my_tools.py"), wrap=stacked)
    calls = [
        Call("1", "convert", '{"amount": 3, "source": "mile", "target": "km"}'),
        Call("2", "convert", '{"amount": 3, "source": "mile", "target": "kg"}'),
        Call("3", "next_weekday", '{"after": "2026-03-06"}'),
        Call("4", "note", '{"text": "buy milk"}'),
        Call("5", "convert", '{"amount": "three", "source": "mile", "target": "km"}'),
    ]
    results = await Dispatcher(tools).run(calls, CallContext("trajectory.1"))
    assert [(result.status, result.text) for result in results] == [
        (Status.OK, "4.828032"),
        (Status.USER_ERROR, "cannot convert mile to kg; lengths: m, km, mile; weights: g, kg, pound"),
        (Status.OK, '{"day":"2026-03-09","weekday":"Monday"}'),
        (Status.OK, "1 notes so far"),
        (Status.USER_ERROR, "The call of 'convert' is wrong: argument 'amount': expected number, got \"three\"."),
    ]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture
def printed(served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], list[str]]:
    """The lines that a client's code prints, which expects the server of `make serve`."""

    def run(code: str) -> list[str]:
        assert code.count(ADDRESS) == 1
        (tmp_path / "client.py").write_text(code.replace(ADDRESS, served.url))
        run_path(str(tmp_path / "client.py"))["client"].close()
        return capsys.readouterr().out.splitlines()

    return run


def test_the_first_request_of_the_readme_works(printed: Callable[[str], list[str]]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (EXAMPLES.parent / "README.md").read_text(), re.DOTALL)
    answer, tokens = printed(code)
    assert answer == ANSWER
    assert ast.literal_eval(tokens)["kept"] > 0


def test_the_example_of_a_budget_asks_with_and_without_one(printed: Callable[[str], list[str]]) -> None:
    free, bound = printed((EXAMPLES / "budget.py").read_text())
    assert free.startswith(ANSWER) and bound.startswith(ANSWER)


def test_the_example_of_a_vote_reports_its_samples(printed: Callable[[str], list[str]]) -> None:
    answer, report = printed((EXAMPLES / "vote.py").read_text())
    assert answer == ANSWER
    assert report.startswith("3 samples;")


@pytest.mark.parametrize("script", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_an_example_is_valid_and_says_what_it_does(script: str) -> None:
    tree = ast.parse((EXAMPLES / script).read_text())
    assert ast.get_docstring(tree)
