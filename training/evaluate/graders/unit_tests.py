"""unit_tests: the code of the response passes the question's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ClassVar

import msgspec

from ....core.errors import ConfigError, SandboxError
from ..questions import Question
from .base import Grade, Grading
from .code import code_of
from .duet import Duet, Ungradable

if TYPE_CHECKING:
    from ....tools.sandbox import Backend


class UnitTests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Runs the code in the sandbox and the tests in another process, which never sees it (duet.py).

    Right is code that passes every test. Code that is not there, raises, takes too long or too much memory is wrong;
    a sandbox that fails, or a test that needs more than plain data of the function, leaves the response ungraded.
    """

    at_once: ClassVar[int] = 2
    seconds: float = 10.0
    """For one call of the function, and for one test besides its calls."""
    memory_mib: int = 512
    """Of a process."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Grading]:
        """With a sandbox. Errors: SandboxUnavailable, where none holds on this system."""
        from ....tools.sandbox import Limits, SandboxConfig, open_sandbox

        limits = Limits(memory_mib=self.memory_mib, output_chars=1 << 19)
        sandbox = await open_sandbox(SandboxConfig(preload=(), limits=limits, max_sessions=4 * self.at_once))

        async def grade(content: str, question: Question) -> Grade:
            return await self._grade(sandbox, content, question)

        try:
            yield grade
        finally:
            await sandbox.close()

    async def _grade(self, sandbox: Backend, content: str, question: Question) -> Grade:
        task = question.code
        if task is None or not task.tests:
            raise ConfigError(f"question {question.id!r} has no tests")
        code = code_of(content, task.prelude, task.entry_point)
        if code is None:
            return Grade(correct=False, why=f"no code that defines {task.entry_point}")
        try:
            async with Duet.over(sandbox, task, code, self.seconds) as duet:
                for number, test in enumerate(task.tests, 1):
                    if (failure := await duet.failure(test)) is not None:
                        why = f"test {number} of {len(task.tests)}: {failure}"
                        return Grade(correct=False, answer=code, why=why)
        except (SandboxError, Ungradable) as error:
            return Grade(correct=None, answer=code, why=f"unit_tests: {error}")
        return Grade(correct=True, answer=code)
