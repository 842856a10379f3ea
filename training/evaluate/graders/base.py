"""What every grader offers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import ClassVar, Protocol

import msgspec

from ..questions import Question
from ..rows import Cost


class Grade(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict. Example: Grade(correct=False, answer="B"); Grade(correct=None, why="the judge cannot be reached")."""

    correct: bool | None
    """None: ungraded. The grader failed, and the response may be either."""
    answer: str | None = None
    """What was read as the response's answer; None: there is none that can be read."""
    why: str | None = None
    """For the reader: why it is ungraded, or which test failed."""
    cost: Cost | None = None


Grading = Callable[[str, Question], Awaitable[Grade]]
"""From a response's text and its question to a verdict."""


class Grader(Protocol):
    """Named in a run's settings; what it holds while it works (a sandbox, connections) lives as long as `open`."""

    at_once: ClassVar[int]
    """Verdicts at a time."""

    def open(self) -> AbstractAsyncContextManager[Grading]: ...


class PlainGrader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of graders that hold nothing; its fields are the parameters."""

    at_once: ClassVar[int] = 1  # a comparison has a time limit, which waiting for a core must not use up

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Grading]:
        """Itself."""
        yield self.grade

    async def grade(self, content: str, question: Question) -> Grade:
        """The verdict."""
        raise NotImplementedError
