"""The choice among proposed answers: by a judge, or by majority; an answer that is none is never chosen."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import NamedTuple

from ...core.answers import extract_answer, same_answer_async
from ...core.errors import AdmissionError, EngineError, RequestError
from ..side import Question
from ..strategy import Outcome
from .verifying import AskModel, Finding, Verdict
from .wording import JUDGING

_TAGGED = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_LONGEST = 500
_LETTERS = string.ascii_uppercase


class Attempt(NamedTuple):
    """A proposed answer with what was found about it."""

    outcome: Outcome
    answer: str | None
    finding: Finding


def answer_of(text: str) -> str | None:
    """The answer in a text: tagged, else boxed, else all of it; None where there is none, or it is the word None.

    Example: "I am done. <answer>Ostrel</answer>" gives "Ostrel".
    """
    tagged = _TAGGED.findall(text)
    answer = (tagged[-1] if tagged else extract_answer(text) or text[-_LONGEST:]).strip()
    return answer if answer and answer.lower().strip(".") != "none" else None


async def judged(question: str, attempts: Sequence[Attempt], ask: AskModel, asks: int) -> Attempt | None:
    """The attempt that a judge chooses at temperature 0; None where it gives no letter, or cannot be asked."""
    candidates = [attempt for attempt in attempts if attempt.answer is not None][-len(_LETTERS) :]
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    shown = "\n".join(
        f"{letter}. {attempt.answer}\nVerification: {attempt.finding.verification or attempt.finding.decision}"
        for letter, attempt in zip(_LETTERS, candidates, strict=False)
    )
    messages: tuple[dict[str, str], ...] = (
        {"role": "user", "content": JUDGING.format(question=question, candidates=shown)},
    )
    for _ in range(asks):
        try:
            reply = await ask(Question(messages=messages, max_tokens=512))
        except (RequestError, EngineError, AdmissionError):
            return None
        letter = (extract_answer(reply.text) or "").strip().upper()
        if len(letter) == 1 and letter in _LETTERS[: len(candidates)]:
            return candidates[_LETTERS.index(letter)]
        again = {"role": "user", "content": f"Reply with one of {_LETTERS[: len(candidates)]} as \\boxed{{letter}}."}
        messages = (*messages, {"role": "assistant", "content": reply.text}, again)
    return None


async def majority(attempts: Sequence[Attempt]) -> Attempt | None:
    """The first attempt of the largest group of equal answers; of those that the verifier accepted, if there are any."""
    answered = [attempt for attempt in attempts if attempt.answer is not None]
    accepted = [attempt for attempt in answered if attempt.finding.decision is Verdict.SUCCESS]
    groups: list[list[Attempt]] = []
    for attempt in accepted or answered:
        for group in groups:
            if await same_answer_async(group[0].answer or "", attempt.answer or ""):
                group.append(attempt)
                break
        else:
            groups.append([attempt])
    return max(groups, key=len)[0] if groups else None
