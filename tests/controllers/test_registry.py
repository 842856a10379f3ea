"""Controllers and strategies by name: ours, those of other packages, and what is refused."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flyball.controllers import registry
from flyball.controllers.controller import Setting
from flyball.controllers.registry import (
    CONTROLLERS,
    STRATEGIES,
    Kind,
    build_controllers,
    build_strategy,
    describe,
    find,
)
from flyball.core.engine import Abilities
from flyball.core.errors import ConfigError, ControllerError, RequestError

from .worlds import EOS, pocket, run, writes

THEIRS = '''
from flyball.controllers.boundary import BoundaryKind, Watch
from flyball.controllers.controller import BaseController, Params, Ruling
from flyball.controllers.edits import Inject
from flyball.core.errors import RequestError

class SayParams(Params):
    text: str = " indeed"

class Say(BaseController[None]):
    """Says something at the end of the answer."""

    params = SayParams
    watches = (Watch(BoundaryKind.ANSWER_END),)

    def __init__(self, params, setting):
        if params.text == "defect":
            raise LookupError("a defect")
        if params.text == "refused":
            raise RequestError("not that", "text")
        if params.text == "nothing":
            raise RequestError("not at all")
        self._text = params.text

    def at(self, state, boundary, view):
        said = view.text(0, boundary.position).endswith(self._text)
        return Ruling(state, () if said else (Inject(self._text),))

class First:
    """Takes the first sample."""

    params = Params
    needs_variety = False
    fan_out = 1

    def __init__(self, params, setting):
        pass

    async def run(self, trials):
        return await trials.start(0, among=1)
'''
ENTRY_POINTS = """
[flyball.controllers]
say = their_package:Say
broken = their_package:Missing
gone = no_such_package:Say
hint_infer = their_package:Say

[flyball.strategies]
first = their_package:First
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution of somebody else's, as an installer leaves it."""
    info = tmp_path / "their_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    (tmp_path / "their_package.py").write_text(THEIRS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._theirs.cache_clear()
    yield tmp_path
    registry._theirs.cache_clear()
    sys.modules.pop("their_package", None)


def build(*specs: dict[str, Any]) -> list[Any]:
    return build_controllers(specs, Setting(pocket(), Abilities(context_length=512)))


def test_our_own_are_found_by_their_files() -> None:
    assert {"adaptive_think", "hint_infer", "thinking_budget"} <= set(registry.names(CONTROLLERS))
    assert "self_consistency" in registry.names(STRATEGIES)


@pytest.mark.parametrize("kind", [CONTROLLERS, STRATEGIES], ids=lambda kind: kind.word)
def test_an_unknown_name_is_refused_and_the_known_ones_are_listed(kind: Kind) -> None:
    with pytest.raises(RequestError) as refused:
        find(kind, "no_such_thing")
    assert refused.value.code == f"unknown_{kind.word}"
    assert refused.value.param == {"controller": "flyball.controllers", "strategy": "flyball.strategy"}[kind.word]
    assert all(name in str(refused.value) for name in registry.names(kind))


@pytest.mark.parametrize(
    ("spec", "param"),
    [
        ({"name": "thinking_budget"}, "flyball.controllers.1.tokens"),
        ({"name": "thinking_budget", "tokens": -1}, "flyball.controllers.1.tokens"),
        ({"name": "thinking_budget", "tokens": 4, "token": 4}, "flyball.controllers.1.token"),
        ({"name": "hint_infer", "hints": ["a", 1]}, "flyball.controllers.1.hints.1"),
        ({"name": "adaptive_think", "mode": "perhaps"}, "flyball.controllers.1.mode"),
    ],
)
def test_a_parameter_that_is_wrong_is_named_with_its_place_in_the_request(spec: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestError) as refused:
        build({"name": "adaptive_think", "mode": "think"}, spec)
    assert (refused.value.param, refused.value.code) == (param, "invalid_parameter")


def test_everything_is_described_with_a_schema() -> None:
    described = {entry["name"]: entry for kind in (CONTROLLERS, STRATEGIES) for entry in describe(kind)}
    assert described["thinking_budget"]["parameters"]["required"] == ["tokens"]
    assert all(entry["description"].endswith(".") for entry in described.values())
    assert all(entry["parameters"]["additionalProperties"] is False for entry in described.values())


async def test_a_controller_of_another_package_is_one_like_ours(installed: Path) -> None:
    assert "say" in registry.names(CONTROLLERS)
    result = await run(writes(f"yes{EOS}", EOS), controllers=[{"name": "say", "text": ", really"}])
    assert result.shown.content == "yes, really"


async def test_a_strategy_of_another_package_is_one_like_ours(installed: Path) -> None:
    result = await run(
        writes(f"yes{EOS}"),
        strategy=build_strategy({"name": "first"}, Setting(pocket(), Abilities(context_length=512))),
    )
    assert result.shown.content == "yes"


def test_ours_win_over_another_packages_of_the_same_name(installed: Path) -> None:
    assert find(CONTROLLERS, "hint_infer").__module__ == "flyball.controllers.methods.hint_infer"


@pytest.mark.parametrize("name", ["broken", "gone"])
def test_another_packages_controller_that_cannot_be_loaded_says_so(installed: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' cannot be loaded"):
        find(CONTROLLERS, name)


def test_what_cannot_be_loaded_does_not_hide_the_others(installed: Path, caplog: pytest.LogCaptureFixture) -> None:
    described = {entry["name"] for entry in describe(CONTROLLERS)}
    assert {"say", "thinking_budget"} <= described
    assert described.isdisjoint({"broken", "gone"})
    assert "'gone' cannot be loaded" in caplog.text


def test_a_controller_that_refuses_a_parameter_names_it_and_its_place_is_added(installed: Path) -> None:
    with pytest.raises(RequestError) as refused:
        build({"name": "say"}, {"name": "say", "text": "refused"})
    assert refused.value.param == "flyball.controllers.1.text"
    with pytest.raises(RequestError) as refused:
        build({"name": "say", "text": "nothing"})
    assert refused.value.param == "flyball.controllers.0"


def test_a_defect_while_a_controller_is_built_is_its_own_error(installed: Path) -> None:
    with pytest.raises(ControllerError, match="controller 'say' failed: LookupError: a defect"):
        build({"name": "say", "text": "defect"})


def test_a_name_alone_imports_nothing_else() -> None:
    code = (
        "import sys; from flyball.controllers.registry import CONTROLLERS, names; names(CONTROLLERS);"
        "print([m for m in sys.modules if m.startswith('flyball.controllers.methods.')])"
    )
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert seen.stdout.strip() == "[]"
