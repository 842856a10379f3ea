"""Answers of pure tools are kept."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ...core.errors import ConfigError
from ..arguments import canonical
from ..result import Result, Usage
from ..tool import CallContext, Effect, Tool
from .base import Wrapper


class _Key(NamedTuple):
    session: str
    """Empty when all sessions share."""
    arguments: str


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
        self._most, self._most_bytes, self._shared = most, most_bytes, shared
        self._kept: OrderedDict[_Key, Result] = OrderedDict()
        self.bytes = 0
        """What the answers and their arguments take, about."""

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """The answer of an earlier equal call, which costs nothing, or a new one."""
        key = _Key("" if self._shared else context.session, canonical(arguments))
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return replace(kept, usage=Usage(), repeated=True)
        result = await self.inner.call(arguments, context)
        if result.ok:
            self._keep(key, result)
        return result

    def _keep(self, key: _Key, result: Result) -> None:
        self._forget(key)
        self._kept[key] = result
        self.bytes += _size(key, result)
        while len(self._kept) > self._most or self.bytes > self._most_bytes:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: _Key) -> None:
        if (result := self._kept.pop(key, None)) is not None:
            self.bytes -= _size(key, result)

    async def end_session(self, session: str) -> None:
        """Forgets that session's answers."""
        if not self._shared:
            for key in [key for key in self._kept if key.session == session]:
                self._forget(key)
        await super().end_session(session)


def _size(key: _Key, result: Result) -> int:
    # `structured` says the same as the text, in more memory.
    text = sys.getsizeof(result.text) * (1 if result.structured is None else 4)
    return sys.getsizeof(key.arguments) + text + sum(len(image.data) for image in result.images)
