"""math: the stated answer is mathematically the known one."""

from __future__ import annotations

from ....core.answers import same_answer_async
from ..questions import Question
from .base import Grade, PlainGrader
from .stated import stated_answer


class Mathematical(PlainGrader, frozen=True, forbid_unknown_fields=True):
    r"""By math-verify: \frac{1}{2} is 0.5."""

    seconds: float = 10.0
    """A comparison that takes longer counts as wrong."""

    async def grade(self, content: str, question: Question) -> Grade:
        """The verdict."""
        answer = stated_answer(content)
        return Grade(correct=await same_answer_async(answer, question.answer, seconds=self.seconds), answer=answer)
