"""choice: the letter or the text of the right option."""

from __future__ import annotations

import re
from string import ascii_uppercase

from ....core.errors import ConfigError
from ..questions import Question
from .base import Grade, PlainGrader
from .stated import stated_answer, trimmed

_LETTER = re.compile(
    r"^(?:option|choice)?\s*[(\[]?([A-Z])(?:[)\].:,]|\s*$|\s+(?:because|since|as|[-\u2013\u2014]))", re.IGNORECASE
)
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf)\s*\{([^{}]*)\}")


class Choice(PlainGrader, frozen=True, forbid_unknown_fields=True):
    """Reads the option that the response states; what names none, or more than one, is wrong and never drawn by lot.

    Example: of ["Paris", "Rome"] each of "The answer is (B)", "\\boxed{B}", "Answer: Rome", "B" names the second.
    """

    async def grade(self, content: str, question: Question) -> Grade:
        """The verdict. Errors: ConfigError for a question without options, or whose answer is none of them."""
        known = option(question.answer, question.choices)
        if known is None:
            raise ConfigError(f"question {question.id!r}: its answer {question.answer!r} is none of its choices")
        stated = stated_answer(content)
        answer = option(content if stated is None else stated, question.choices)
        return Grade(correct=answer == known, answer=answer)


def option(text: str, choices: list[str]) -> str | None:
    """The letter of the option that a text names by its letter or its text; None: none, or not a single one.

    An option's whole text comes first: of ["B", "A"] the text "A" names option B.
    """
    text = trimmed(_TEXT.sub(r"\1", text))
    same = [letter for letter, choice in zip(ascii_uppercase, choices, strict=False) if _plain(choice) == _plain(text)]
    if len(same) == 1:
        return same[0]
    if (found := _LETTER.match(text)) is None:
        return None
    letter = found[1].upper()
    return letter if letter in ascii_uppercase[: len(choices)] else None


def _plain(text: str) -> str:
    return " ".join(trimmed(_TEXT.sub(r"\1", text)).casefold().split())
