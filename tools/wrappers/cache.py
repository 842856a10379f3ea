"""Answers of pure tools are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...core.errors import ConfigError
from ..answers import AnswerKey, Answers
from ..checking import canonical
from ..result import Result, Usage
from ..tool import CallContext, Effect, Tool
from .base import Wrapper


class Cache(Wrapper):
    """Answers equal calls of a pure tool from memory; what was used longest ago goes first.

    Only good results are kept, and none that is larger than `most_bytes` by itself. `shared`: one session's answer
    serves the others; else each session has its own, which is forgotten with it.
    Errors: ConfigError for a tool that is not pure.
    """

    def __init__(
        self, inner: Tool, *, most: int = 1024, most_bytes: int = 16 * 1024 * 1024, shared: bool = False
    ) -> None:
        super().__init__(inner)
        if inner.spec.effect is not Effect.PURE:
            raise ConfigError(f"tool {inner.spec.name!r} is not pure: its answers cannot be kept")
        self._shared = shared
        self._answers = Answers(most, most_bytes)

    @property
    def bytes(self) -> int:
        """What the answers take, about."""
        return self._answers.bytes

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """The answer of an earlier equal call, which costs nothing, or a new one."""
        key = AnswerKey("" if self._shared else context.session, canonical(arguments))
        if (kept := self._answers.get(key)) is not None:
            return replace(kept, usage=Usage(), repeated=True)
        result = await self.inner.call(arguments, context)
        if result.ok:
            self._answers.keep(key, result)
        return result

    async def end_session(self, session: str) -> None:
        """Forgets that session's answers."""
        if not self._shared:
            self._answers.forget(lambda key: key.owner == session)
        await super().end_session(session)
