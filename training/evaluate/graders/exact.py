"""exact: the stated answer is the known one."""

from __future__ import annotations

import unicodedata

from ..questions import Question
from .base import Grade, PlainGrader
from .stated import stated_answer, trimmed


class Exact(PlainGrader, frozen=True, forbid_unknown_fields=True):
    """Compares texts; case, white space and a final full stop do not count. A response that states no answer is one
    as a whole.

    Example: for "New York", "The answer is new  york." is right and "York" is wrong.
    """

    async def grade(self, content: str, question: Question) -> Grade:
        """The verdict."""
        answer = stated_answer(content) or content.strip() or None
        return Grade(correct=answer is not None and _plain(answer) == _plain(question.answer), answer=answer)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", trimmed(text)).casefold().split())
