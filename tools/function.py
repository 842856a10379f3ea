"""A tool from a typed Python function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic import ValidationError

from ..core.errors import ConfigError, ToolError
from .boundary import settled
from .conversion import as_result
from .marks import Marks, marks_of
from .result import Result
from .signature import Signature
from .threads import Threads
from .tool import CallContext, ToolSpec


class FunctionTool:
    """Calls a function, sync or async, with arguments of its own types; see `Signature` and `as_result`.

    A sync function runs in a thread. When its call is cancelled or out of time the answer is dropped, but the function
    runs on: what can hang for long should be async. Errors: ConfigError for a function that is not fully typed, or has no such batch.

    Example: FunctionTool(add).spec.name == "add"
    """

    def __init__(self, function: Callable[..., Any], marks: Marks | None = None) -> None:
        marks = marks or marks_of(function) or Marks()
        self._function = function
        self._signature = Signature(function)
        self._threads = Threads()
        name = marks.name or function.__name__
        description = self._signature.description or name.replace("_", " ").strip()
        schema = self._signature.schema
        if marks.batch is not None and marks.batch not in schema.get("properties", {}):
            raise ConfigError(f"tool {name!r}: there is no parameter {marks.batch!r} to be its batch")
        self._spec = ToolSpec(name, description, schema, marks.effect, marks.usd, marks.timeout, marks.batch)

    @property
    def spec(self) -> ToolSpec:
        """Name, description and schema from the function, the rest from `@tool`."""
        return self._spec

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """One call. A ToolError becomes `user_error`, any other exception `infra`."""
        return await settled(self._spec.name, self._run(arguments, context))

    async def _run(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        values = self._values(arguments)
        if self._signature.context_name is not None:
            values[self._signature.context_name] = context
        call = partial(self._function, **values)
        value = call() if inspect.iscoroutinefunction(self._function) else await self._threads.run(call)
        return as_result(await value if inspect.isawaitable(value) else value)

    def _values(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self._signature.values(arguments)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ToolError(f"argument {where!r}: {first['msg']}") from None

    async def end_session(self, session: str) -> None:
        """A function keeps nothing."""

    async def close(self) -> None:
        """A function holds nothing."""
