"""The verifier protocol. To add one, write a class with these two methods and name it in `choosing.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from ...core.model import ModelReply
from ..side import Question


class Asks(Protocol):
    """The part of `SideCalls` that asks auxiliary models."""

    def ask(self, model: str, question: Question) -> Callable[[], Awaitable[ModelReply]]: ...


class Verifier(Protocol):
    """Judges passages of thinking about a question. Errors of both: those of what it asks, EngineError for no verdict."""

    async def concludes(self, question: str, passage: str, asks: Asks) -> bool:
        """Whether the passage states a result."""
        ...

    async def agree(self, question: str, first: str, second: str, asks: Asks) -> bool:
        """Whether both passages state the same result."""
        ...
