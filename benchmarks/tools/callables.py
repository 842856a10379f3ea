"""A corpus of tools made of the functions, classes and methods of installed libraries, and queries for some of them."""

import importlib
import inspect
import pkgutil
import random
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from types import ModuleType
from typing import Any

from flyball.tools.tool import ToolSpec

LIBRARIES = ("numpy", "scipy", "sympy", "matplotlib", "networkx", "pandas")

_LEFT_OUT = {
    "antigravity",
    "this",
    "idlelib",
    "lib2to3",
    "test",
    "tests",
    "turtledemo",
    "tkinter",
    "turtle",
    "conftest",
}
"""Modules that do something when imported, or test something."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Entry:
    """A tool, described by the first sentence of a docstring; `others` are the sentences that were not shown."""

    spec: ToolSpec
    others: tuple[str, ...]


def corpus(modules: Sequence[str] | None = None) -> list[Entry]:
    """Every public callable with a docstring of these modules, as far as they can be imported.

    None: of the standard library and of `LIBRARIES`.
    """
    entries: dict[str, Entry] = {}
    seen: set[int] = set()
    for module in _modules([*_standard(), *LIBRARIES] if modules is None else modules):
        for name, value in _callables(module):
            if id(value) not in seen and (entry := _entry(f"{module.__name__}.{name}", value)) is not None:
                seen.add(id(value))
                entries.setdefault(entry.spec.name, entry)
    return list(entries.values())


def queries(entries: Sequence[Entry], count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Pairs of a sentence and the name of the tool whose docstring it is from, drawn at random."""
    chance = random.Random(seed)
    asked = chance.sample([entry for entry in entries if entry.others], count)
    return [(chance.choice(entry.others), entry.spec.name) for entry in asked]


def _standard() -> list[str]:
    return sorted(name for name in sys.stdlib_module_names if not name.startswith("_") and name not in _LEFT_OUT)


def _modules(names: Sequence[str]) -> Iterator[ModuleType]:
    for name in names:
        if (package := _imported(name)) is None:
            continue
        yield package
        for found in pkgutil.iter_modules(getattr(package, "__path__", []), f"{name}."):
            last = found.name.rpartition(".")[2]
            if not last.startswith("_") and last not in _LEFT_OUT and not last.startswith("test"):
                yield from _modules([found.name])


def _imported(name: str) -> ModuleType | None:
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except (Exception, SystemExit):  # noqa: BLE001  any library may fail in any way; then it is not in the corpus
            return None


def _callables(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Public functions and classes that the module offers, and the public methods of the classes."""
    for name, value in list(vars(module).items()):
        if name.startswith("_") or not callable(value) or not _belongs(value, module):
            continue
        yield name, value
        if inspect.isclass(value):
            for method, inner in vars(value).items():
                if not method.startswith("_") and inspect.isroutine(inner):
                    yield f"{name}.{method}", inner


def _belongs(value: Any, module: ModuleType) -> bool:
    """Whether it comes from the same library."""
    return str(getattr(value, "__module__", "")).partition(".")[0] == module.__name__.partition(".")[0]


def _entry(path: str, value: Any) -> Entry | None:
    doc = getattr(value, "__doc__", None)
    sentences = _sentences(doc) if isinstance(doc, str) else []
    if not sentences:
        return None
    name = re.sub(r"\W+", "_", path)[-64:]
    parameters = {"type": "object", "properties": {parameter: {} for parameter in _parameters(value)}}
    others = tuple(sentence for sentence in sentences[1:] if 5 <= len(sentence.split()) <= 40)
    return Entry(ToolSpec(name, sentences[0][:300], parameters), others)


def _sentences(doc: str) -> list[str]:
    """Sentences of the prose that a docstring begins with, up to its first section."""
    prose = re.split(
        r"\n\s*(?:-{3,}|={3,}|Parameters|Args:|Returns|Examples?|>>>|:param|\.\. )", inspect.cleandoc(doc)
    )[0]
    paragraphs = (" ".join(paragraph.split()) for paragraph in prose.split("\n\n"))
    return [part for paragraph in paragraphs for part in _SENTENCE.split(paragraph) if part.count(" ") >= 2]


def _parameters(value: Any) -> list[str]:
    try:
        return [name for name in inspect.signature(value).parameters if name not in ("self", "cls", "args", "kwargs")]
    except (ValueError, TypeError):
        return []
