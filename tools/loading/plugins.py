"""Tools from other packages: the entry point group `flyball.tools`."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import NamedTuple

from ...core.errors import ConfigError
from ..tool import Tool
from .collect import as_tool, collect

GROUP = "flyball.tools"


class Plugins(NamedTuple):
    """What the installed packages offer."""

    tools: list[Tool]
    errors: list[ConfigError]
    """One for each entry point that cannot be used; it names it."""


def load_plugins() -> Plugins:
    """The tools behind every entry point: a function, a Tool object or a module of them. A broken one is left out."""
    plugins = Plugins([], [])
    for entry in sorted(entry_points(group=GROUP)):
        try:
            plugins.tools.extend(_load(entry))
        except ConfigError as error:
            plugins.errors.append(error)
    return plugins


def _load(entry: EntryPoint) -> list[Tool]:
    try:
        loaded = entry.load()
        return collect(loaded) if isinstance(loaded, ModuleType) else [as_tool(loaded)]
    except (Exception, SystemExit) as error:  # the code of another package, which may raise anything
        package = entry.dist.name if entry.dist else "?"
        raise ConfigError(
            f"the tools {entry.name!r} of the package {package!r} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
