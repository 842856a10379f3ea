"""Tools for tests: each does one thing on demand and counts its calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from flyball.core.ledger import Ledger
from flyball.tools.result import Result, Status
from flyball.tools.tool import CallContext, Effect, ToolSpec

ANY_OBJECT = {"type": "object"}


def spec(name: str = "probe", description: str = "", **fields: Any) -> ToolSpec:
    return ToolSpec(name, description, **({"parameters": ANY_OBJECT} | fields))


def context(session: str = "s", **fields: Any) -> CallContext:
    return CallContext(session, **fields)


def limited(**limits: float) -> CallContext:
    """A context whose ledger allows so many calls per tool."""
    return context(ledger=Ledger({f"tool_calls.{name}": limit for name, limit in limits.items()}))


class Probe:
    """Gives what `answer` says for each call, and keeps what it was asked."""

    def __init__(self, answer: Callable[..., Any] | None = None, **fields: Any) -> None:
        self._spec = spec(**fields)
        self._answer = answer or (lambda arguments: Result(Status.OK, f"answer {self.count}"))
        self.asked: list[Mapping[str, Any]] = []
        self.contexts: list[CallContext] = []
        self.ended: list[str] = []
        self.closed = False

    @property
    def count(self) -> int:
        return len(self.asked)

    @property
    def spec(self) -> ToolSpec:
        return self._spec

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        self.asked.append(arguments)
        self.contexts.append(context)
        answer = self._answer(arguments)
        result: Result = await answer if asyncio.iscoroutine(answer) else answer
        return result

    async def end_session(self, session: str) -> None:
        self.ended.append(session)

    async def close(self) -> None:
        self.closed = True


def ok(text: str = "fine") -> Result:
    return Result(Status.OK, text)


def infra(text: str = "down") -> Result:
    return Result(Status.INFRA, text)


def pure(answer: Callable[..., Any] | None = None, **fields: Any) -> Probe:
    return Probe(answer, **({"effect": Effect.PURE} | fields))


def read_only(answer: Callable[..., Any] | None = None, **fields: Any) -> Probe:
    return Probe(answer, **({"effect": Effect.READ_ONLY} | fields))
