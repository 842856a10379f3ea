"""The line of layers: each imports only from those before it, and the lower ones need no model library."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("flyball/core", "policies", "tools", "controllers", "server", "training", "flyball/cli")
NAMES = {layer.split("/")[-1]: order for order, layer in enumerate(LAYERS)}
HEAVY = ("torch", "vllm", "transformers")
LIGHT = (
    "flyball",
    "flyball.core.trajectory",
    "flyball.core.ledger",
    "flyball.core.answers",
    "flyball.policies.uniform",
    "flyball.tools.corpus_index",
    "flyball.tools.dispatch",
    "flyball.tools.function",
    "flyball.tools.router.router",
    "flyball.tools.wrappers.stack",
    "flyball.controllers.registry",
    "flyball.controllers.loop",
    "flyball.controllers.episode",
    "flyball.controllers.formats",
    "flyball.server.config",
    "flyball.server.engines.scripted",
    "flyball.server.toolbox",
    "flyball.server.wire.requests",
    "flyball.server.wire.responses",
)


def modules() -> list[tuple[str, Path]]:
    return [(layer, path) for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]


def imported(layer: str, path: Path) -> set[str]:
    """Layers that a module imports from; its own folder stands in the package under the layer's last name."""
    package = ["flyball", layer.split("/")[-1], *path.relative_to(ROOT / layer).parts[:-1]]
    layers = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            found = [[*module, alias.name] for alias in node.names]
        else:
            continue
        layers |= {parts[1] for parts in found if len(parts) > 1 and parts[0] == "flyball" and parts[1] in NAMES}
    return layers


@pytest.mark.parametrize(("layer", "path"), modules(), ids=lambda value: str(value).removeprefix(f"{ROOT}/"))
def test_a_module_imports_only_from_the_layers_before_its_own(layer: str, path: Path) -> None:
    own = NAMES[layer.split("/")[-1]]
    assert {name for name in imported(layer, path) if NAMES[name] > own} == set()


def test_the_walk_sees_imports_of_every_kind() -> None:
    seen: dict[str, set[str]] = {}
    for layer, path in modules():
        seen.setdefault(layer, set()).update(imported(layer, path))
    assert {"core", "policies"} <= seen["controllers"]
    assert {"core", "controllers"} <= seen["server"]
    assert "server" in seen["flyball/cli"]
    assert seen["flyball/core"] <= {"core"}


def loaded(code: str) -> set[str]:
    """Heavy libraries that are loaded after this code."""
    check = f"{code}\nimport sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=100)
    return set(ran.stdout.splitlines()[-1].split())


def test_modules_are_imported_without_model_libraries() -> None:
    """One process for all: each module that loaded one would be named."""
    walk = f"""
import sys
from importlib import import_module
for name in {LIGHT!r}:
    import_module(name)
    assert not [heavy for heavy in {HEAVY!r} if heavy in sys.modules], name
"""
    assert loaded(walk) == set()


def test_describing_every_controller_needs_no_model_library() -> None:
    code = "from flyball.controllers.registry import CONTROLLERS, STRATEGIES, describe\n"
    assert loaded(code + "describe(CONTROLLERS), describe(STRATEGIES)") == set()


def test_help_needs_no_model_library_and_half_a_second_at_most() -> None:
    """Seconds of the processor: how busy the machine is says nothing of us."""
    code = """
import sys, time
from flyball.cli.main import main
sys.argv = ["flyball", "--help"]
try:
    main()
except SystemExit as ended:
    assert not ended.code
assert time.process_time() < 0.5, time.process_time()
"""
    assert loaded(code) == set()
