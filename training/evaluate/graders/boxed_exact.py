r"""boxed_exact: the last \boxed{…} is the answer, letter for letter."""

from __future__ import annotations

from ....core.answers import extract_answer
from ..questions import Question
from .base import Grade, PlainGrader


class BoxedExact(PlainGrader, frozen=True, forbid_unknown_fields=True):
    """For answers with one spelling, such as those of the pocket world."""

    async def grade(self, content: str, question: Question) -> Grade:
        """The verdict."""
        answer = extract_answer(content)
        return Grade(correct=answer is not None and answer == question.answer.strip(), answer=answer)
