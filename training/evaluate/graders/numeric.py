"""numeric: the number is the known one."""

from __future__ import annotations

from typing import ClassVar

from ....core.errors import ConfigError
from ..questions import Question
from .base import Grade, PlainGrader
from .quantities import Quantity, quantities
from .stated import stated_answer


class Numeric(PlainGrader, frozen=True, forbid_unknown_fields=True):
    """Compares the number of the stated answer, else the last one of the response; a response without one is wrong.

    An answer of several numbers, none of them the only one stated, is read by its last.
    Example: with relative=0.01, "about 99.5 km" is right for "100", for "100 km" and for "0.1e6 m".
    """

    at_once: ClassVar[int] = 8
    relative: float = 1e-6
    """Tolerance as a part of the larger number."""
    absolute: float = 1e-9

    async def grade(self, content: str, question: Question) -> Grade:
        """The verdict. Errors: ConfigError for a known answer without a number."""
        expected = quantities(question.answer)
        if not expected:
            raise ConfigError(f"question {question.id!r}: its answer {question.answer!r} holds no number")
        found = quantities(stated_answer(content) or "") or quantities(content)
        if not found:
            return Grade(correct=False)
        answer = found[-1]
        return Grade(correct=answer.same(expected[-1], self.relative, self.absolute), answer=_written(answer))


def _written(quantity: Quantity) -> str:
    return f"{quantity.value:.15g}" + (f" {quantity.unit}" if quantity.unit else "")
