"""A grader made of a function `(content, answer) -> bool`, plain or async."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

from ..questions import Question
from .base import Grade, Grading

Verdict = Callable[[str, str], bool | Awaitable[bool]]


class FunctionGrader:
    """Example: FunctionGrader(operator.contains) takes a response that holds the answer anywhere as right."""

    at_once: ClassVar[int] = 1

    def __init__(self, function: Verdict) -> None:
        self._function = function

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Grading]:
        """Itself."""
        yield self.grade

    async def grade(self, content: str, question: Question) -> Grade:
        """What the function says."""
        verdict = self._function(content, question.answer)
        return Grade(correct=bool(await verdict if inspect.isawaitable(verdict) else verdict), answer=content)
