"""Tools from other packages, as pip would install them: a broken one is named and does not take the others down."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flyball.tools.loading.plugins import load_plugins

Install = Callable[[str, str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a package of one module and its entry points where Python finds them."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules: list[str] = []

    def installed(package: str, entries: str, code: str) -> None:
        module = package.replace("-", "_")
        modules.append(module)
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[flyball.tools]\n{entries}\n")
        (tmp_path / f"{module}.py").write_text(code)
        importlib.invalidate_caches()

    yield installed
    for module in modules:
        sys.modules.pop(module, None)


ADD = 'def add(a: int, b: int) -> int:\n    """Adds."""\n    return a + b\n'


def test_a_package_offers_a_function_an_object_or_a_module(install: Install) -> None:
    code = (
        ADD + "from flyball.tools.function import FunctionTool\ndef sub(a: int) -> int: ...\nSUB = FunctionTool(sub)\n"
    )
    install("some-tools", "one = some_tools:add\ntwo = some_tools:SUB", code)
    install("whole-module", "all = whole_module", ADD.replace("add", "plus"))

    plugins = load_plugins()
    assert [tool.spec.name for tool in plugins.tools] == ["plus", "add", "sub"]
    assert plugins.errors == []


@pytest.mark.parametrize(
    ("entry", "code", "says"),
    [
        ("bad = broken_one", "1 / 0", "ZeroDivisionError"),
        ("bad = broken_one", "raise SystemExit", "SystemExit"),
        ("bad = broken_one:missing", "", "AttributeError"),
        ("bad = broken_one:f", "def f(a): ...", "has no type"),
        ("bad = broken_one:X", "X = 7", "7 is no tool"),
        ("bad = broken_one", "", "no tool is defined there"),
    ],
)
def test_a_package_that_cannot_be_used_is_named_and_the_others_are_there(
    install: Install, entry: str, code: str, says: str
) -> None:
    install("good-one", "add = good_one:add", ADD)
    install("broken-one", entry, code)

    plugins = load_plugins()
    assert [tool.spec.name for tool in plugins.tools] == ["add"]
    (error,) = plugins.errors
    assert "the tools 'bad' of the package 'broken-one' cannot be loaded" in str(error)
    assert says in str(error)
