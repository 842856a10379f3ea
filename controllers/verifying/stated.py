r"""A verifier without a model: the last result that a passage states in so many words, compared by math-verify."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...core.answers import extract_answer, same_answer_async
from .verifier import Asks

_VALUE = (
    r"(?P<value>[^\n]{1,80}?)(?P<end>\*{0,2}(?:[.;!?](?=\s|\Z|\*)|,\s|\n|\Z)|\s+(?:because|since|as|which|so|and)\b)"
)
_NOUN = r"(?:answer|result|solution|final value)"
_STATEMENTS = (
    re.compile(
        rf"\b{_NOUN}\b(?:\s+(?:to|of|for)\b[^.\n]{{0,60}}?)?\*{{0,2}}\s*(?:is|are|equals|=|:|must be|should be|"
        rf"would be|will be)\*{{0,2}}\s*(?:(?:also|again|still|indeed|therefore|thus|then|simply)\s+)?{_VALUE}",
        re.IGNORECASE,
    ),
    re.compile(rf"(?:^|\s)(?P<value>\S{{1,40}}) (?:is|as) (?:the|my|our) (?:final )?{_NOUN}\b(?P<end>)", re.IGNORECASE),
)
_DEFINITE = re.compile(r"[-+]?[\d($\[{\\√π]|[A-Z]|(?:yes|no|true|false)\Z")
_ROUND = "*\"'` "


class StatedVerifier:
    """Meets `Verifier`. Ours: no model is asked, so it costs nothing and misses results that are said in other words.

    Example: "2*3=6. So the result is 6." concludes, and agrees with "The answer is \\boxed{6.0}".
    """

    async def concludes(self, question: str, passage: str, asks: Asks) -> bool:
        """Part of `Verifier`."""
        return last_stated(passage) is not None

    async def agree(self, question: str, first: str, second: str, asks: Asks) -> bool:
        """Part of `Verifier`."""
        return await same_answer_async(last_stated(first), last_stated(second))


def last_stated(text: str) -> str | None:
    r"""The last result that the text states; None when there is none.

    Examples: "So the result is 4. Is it 5?" gives "4"; "The answer is wrong." gives None.
    """
    stated = list(_statements(text))
    boxed = text.rfind("\\boxed{")
    if boxed >= 0 and boxed >= max((place for place, _ in stated), default=-1):
        return extract_answer(text) or _latest(stated)
    return _latest(stated)


def _latest(stated: list[tuple[int, str]]) -> str | None:
    return max(stated)[1] if stated else None


def _statements(text: str) -> Iterator[tuple[int, str]]:
    for pattern in _STATEMENTS:
        for match in pattern.finditer(text):
            value = match["value"].strip(_ROUND)
            if "?" not in match["end"] and "\\boxed" not in value and _DEFINITE.match(value):
                yield match.start("value"), value.strip("$ ")
