"""What a model is asked as a verifier.

TrimR's own prompts are not published; these are ours. The plain ones are those that the pocket verifier was trained on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

EXISTENCE = (
    "Question: {question}\nPassage: {passage}\n"
    "Does the passage reach a definite final result for the question? Reply Yes or No."
)
EQUIVALENCE = (
    "Question: {question}\nResult A: {a}\nResult B: {b}\nDo A and B give the same final result? Reply Yes or No."
)
_EXISTENCE_SHOTS = """\
You judge whether a passage of somebody's reasoning states a definite final result for a question. A step on the way, a plan or a doubt is none. \
Reply with one word.

Question: What is 12 * 7 + 6?
Passage: 12 * 7 is 84. Now I still have to add 6.
Reply: No

Question: What is 12 * 7 + 6?
Passage: 84 + 6 = 90, so the answer is 90.
Reply: Yes

Question: How many primes are there below 10?
Passage: Wait, maybe I should not count 1. Let me look at the definition again.
Reply: No

"""
_EQUIVALENCE_SHOTS = """\
You judge whether two passages of somebody's reasoning about a question state the same final result, whatever its form. Reply with one word.

Question: What is 3 divided by 6?
Result A: So the answer is 1/2.
Result B: It comes out as 0.5.
Reply: Yes

Question: What is 12 * 7 + 6?
Result A: Therefore the result is 90.
Result B: That makes 92.
Reply: No

Question: Which planet is the largest?
Result A: It is Jupiter.
Result B: Jupiter has the most mass, so (B) Jupiter.
Reply: Yes

"""
_FIELD = re.compile(r"\{(question|passage|a|b)\}")


class Prompts(NamedTuple):
    """Two templates with {question} and {passage}, or {question}, {a} and {b}."""

    existence: str = EXISTENCE
    equivalence: str = EQUIVALENCE


PLAIN = Prompts()
FEW_SHOT = Prompts(
    _EXISTENCE_SHOTS + "Question: {question}\nPassage: {passage}\nReply:",
    _EQUIVALENCE_SHOTS + "Question: {question}\nResult A: {a}\nResult B: {b}\nReply:",
)


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with its fields replaced, once: braces in a value stay what they are. (Not str.format: a template may
    come from a client.)

    Example: filled("{a} or {b}?", {"a": "{b}", "b": "2"}) == "{b} or 2?"
    """
    return _FIELD.sub(lambda field: values.get(field[1], field[0]), template)
