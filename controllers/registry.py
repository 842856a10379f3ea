"""Finds controllers and strategies by name: a file in `methods/` or `strategies/`, or an entry point of another package.

Nothing is imported until it is named, so a method's dependencies cost nothing unless it is chosen.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from inspect import getdoc
from pkgutil import iter_modules
from typing import Any, NamedTuple

from pydantic import ValidationError

from ..core.errors import ConfigError, RequestError
from .controller import Params, Setting
from .named import Named, attributed
from .strategy import Strategy

log = logging.getLogger(__name__)


class Kind(NamedTuple):
    """What can be registered: where ours live, what their module calls them, and the entry point group for others."""

    word: str
    folder: str
    attribute: str
    group: str


CONTROLLERS = Kind("controller", "methods", "CONTROLLER", "flyball.controllers")
STRATEGIES = Kind("strategy", "strategies", "STRATEGY", "flyball.strategies")


@cache
def _ours(kind: Kind) -> tuple[str, ...]:
    package = import_module(f".{kind.folder}", __package__)
    return tuple(sorted(module.name for module in iter_modules(package.__path__)))


@cache
def _theirs(kind: Kind) -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=kind.group)}


def names(kind: Kind) -> list[str]:
    """Every name that a request can use."""
    return sorted({*_ours(kind), *_theirs(kind)})


def find(kind: Kind, name: str) -> Any:
    """The class behind a name. Ours win over another package's of the same name.

    Errors: RequestError for an unknown name; ConfigError when another package's cannot be imported.
    """
    if name in _ours(kind):
        return getattr(import_module(f".{kind.folder}.{name}", __package__), kind.attribute)
    if name in _theirs(kind):
        try:
            return _theirs(kind)[name].load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"the {kind.word} {name!r} cannot be loaded: {error}") from error
    known = ", ".join(names(kind))
    raise RequestError(f"unknown {kind.word} {name!r}; known: {known}", _where(kind), f"unknown_{kind.word}")


def _where(kind: Kind) -> str:
    return "flyball.controllers" if kind is CONTROLLERS else "flyball.strategy"


def _params(kind: Kind, name: str, given: Mapping[str, Any], where: str) -> tuple[Any, Params]:
    cls = find(kind, name)
    try:
        return cls, cls.params.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise RequestError(
            f"{kind.word} {name!r}: {path}: {first['msg']}", f"{where}.{path}", "invalid_parameter"
        ) from None


def build_controllers(specs: Sequence[Mapping[str, Any]], setting: Setting) -> list[Named]:
    """The controllers that a request names, in its order. Errors: RequestError naming what is wrong."""
    built = []
    for index, spec in enumerate(specs):
        name = spec["name"]
        given = {key: value for key, value in spec.items() if key != "name"}
        where = f"flyball.controllers.{index}"
        cls, params = _params(CONTROLLERS, name, given, where)
        with _placed(where), attributed(f"controller {name!r}"):
            built.append(Named(name, cls(params, setting)))
    return built


@contextmanager
def _placed(where: str) -> Iterator[None]:
    """A controller names its own parameter: say which controller of the request it is."""
    try:
        yield
    except RequestError as error:
        param = where if error.param is None else f"{where}.{error.param}"
        raise RequestError(str(error), param, error.code) from error


def build_strategy(spec: Mapping[str, Any], setting: Setting) -> Strategy:
    """The strategy that a request names. Errors: RequestError naming what is wrong."""
    given = {key: value for key, value in spec.items() if key != "name"}
    cls, params = _params(STRATEGIES, spec["name"], given, "flyball.strategy")
    with _placed("flyball.strategy"), attributed(f"strategy {spec['name']!r}"):
        strategy: Strategy = cls(params, setting)
    return strategy


def describe(kind: Kind) -> list[dict[str, Any]]:
    """Every registered thing with its one-line description and the JSON Schema of its parameters.

    What another package cannot load is left out, and logged: it must not hide the others.
    """
    described = []
    for name in names(kind):
        try:
            cls = find(kind, name)
        except ConfigError as error:
            log.warning("%s", error)
            continue
        doc = (getdoc(cls) or "").partition("\n")[0]
        described.append({"name": name, "description": doc, "parameters": cls.params.model_json_schema()})
    return described
