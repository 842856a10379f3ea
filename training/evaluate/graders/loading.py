"""Graders by name, with their parameters."""

from __future__ import annotations

import importlib
import inspect
from typing import Any, cast

import msgspec

from ....core.errors import ConfigError
from .base import Grader
from .function import FunctionGrader

_HERE = __name__.rpartition(".")[0]
GRADERS = {
    "boxed_exact": f"{_HERE}.boxed_exact.BoxedExact",
    "choice": f"{_HERE}.choice.Choice",
    "exact": f"{_HERE}.exact.Exact",
    "judge": f"{_HERE}.judge.Judge",
    "math": f"{_HERE}.mathematical.Mathematical",
    "numeric": f"{_HERE}.numeric.Numeric",
    "unit_tests": f"{_HERE}.unit_tests.UnitTests",
}
"""Short name -> dotted path."""


def load_grader(spec: str) -> Grader:
    """The grader that a short name or dotted path stands for, perhaps with parameters behind an equals sign.

    Example: load_grader('numeric={"relative": 0.01}'). Errors: ConfigError, which lists the short names.
    """
    name, separator, parameters = spec.partition("=")
    found = _found(name)
    if not inspect.isclass(found):
        if separator:
            raise ConfigError(f"grader {name!r}: a function takes no parameters")
        return FunctionGrader(found)
    try:
        given = msgspec.json.decode(parameters, type=dict[str, Any]) if separator else {}
        return cast(Grader, msgspec.convert(given, found))
    except (msgspec.DecodeError, msgspec.ValidationError, TypeError, ConfigError) as error:
        raise ConfigError(f"grader {name!r}: {error}") from error


def _found(name: str) -> Any:
    module, _, attribute = GRADERS.get(name, name).rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"there is no grader {name!r}; known: {', '.join(GRADERS)}, or a dotted path") from error
