"""Arguments are checked before the tool sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.errors import ToolError
from ..checking import ArgumentCheck
from ..result import Result, Status
from ..tool import CallContext, Tool
from .base import Wrapper


class Checked(Wrapper):
    """Answers arguments that do not fit the schema with what is wrong. Errors: ConfigError for a schema that is none."""

    def __init__(self, inner: Tool) -> None:
        super().__init__(inner)
        self._check = ArgumentCheck(inner.spec.name, inner.spec.parameters)

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """One call, if the arguments are right."""
        try:
            checked = self._check.check(arguments)
        except ToolError as error:
            return Result(Status.USER_ERROR, f"The call of {self.spec.name!r} is wrong: {error}.")
        return await self.inner.call(checked, context)
