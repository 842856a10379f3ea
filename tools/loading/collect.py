"""The tools that a module holds."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

from ...core.errors import ConfigError
from ..function import FunctionTool
from ..marks import marks_of
from ..tool import Tool, ToolSpec


def collect(module: ModuleType) -> list[Tool]:
    """Every function marked `@tool` and every Tool object; with neither, every public typed function defined there.

    In the order of the file. Errors: ConfigError when there is nothing, or a function cannot be a tool.
    """
    values = list({id(value): value for value in vars(module).values()}.values())  # some have two names
    tools = [as_tool(value) for value in values if is_tool(value) or marks_of(value) is not None]
    tools = tools or [FunctionTool(value) for value in values if _is_typed_function_of(module, value)]
    if not tools:
        raise ConfigError("no tool is defined there: no public function with types, none marked @tool")
    return tools


def as_tool(value: Any) -> Tool:
    """A Tool as it is, a function as one. Errors: ConfigError for anything else."""
    if is_tool(value):
        tool: Tool = value
        return tool
    if inspect.isroutine(value):
        return FunctionTool(value)
    raise ConfigError(f"{value!r} is no tool: neither a function nor an object with a spec and a call")


def is_tool(value: Any) -> bool:
    """Whether a value meets the Tool protocol, as far as can be seen."""
    return isinstance(getattr(value, "spec", None), ToolSpec) and callable(getattr(value, "call", None))


def _is_typed_function_of(module: ModuleType, value: Any) -> bool:
    if not inspect.isfunction(value) or value.__module__ != module.__name__ or value.__name__.startswith("_"):
        return False
    return all(name in value.__annotations__ for name in inspect.signature(value).parameters)
