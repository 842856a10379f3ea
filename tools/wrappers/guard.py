"""Every outcome of a tool is a Result, exceptions too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..boundary import settled
from ..result import Result
from ..tool import CallContext
from .base import Wrapper


class Guard(Wrapper):
    """Turns what the tool raises into results, so that no wrapper around it needs to handle exceptions."""

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """One call; see `settled`."""
        return await settled(self.spec.name, self.inner.call(arguments, context))
