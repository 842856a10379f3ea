"""Tools from a Python file: `--tools my_tools.py`."""

from __future__ import annotations

import sys
import traceback
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from ...core.errors import ConfigError
from ..tool import Tool
from .collect import collect


def load_file(path: Path) -> list[Tool]:
    """The tools of a file, see `collect`. The file is run: it has the rights of the server.

    Errors: ConfigError with the file and the line when it cannot be imported.
    """
    module = _imported(path)
    try:
        return collect(module)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _imported(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file")
    name = f"flyball_tools_{path.stem}_{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: this is no Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module  # types are looked up there, and pickle finds classes there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the file is somebody's own code, which may raise anything
        del sys.modules[name]
        raise ConfigError(f"{path}{_line(path, error)}: {type(error).__name__}: {error}") from error
    return module


def _line(path: Path, error: BaseException) -> str:
    """Where in the file it went wrong, the innermost place."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""
