"""The verifier of a proposed answer: SUCCESS, CONTINUE or PIVOT, and a summary of the trajectory."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Literal, NamedTuple

from ...core.errors import AdmissionError, EngineError, RequestError
from ...core.model import ModelReply
from ..json_reply import object_in
from ..side import Question
from .wording import AGAIN, AGAIN_SHORT, VERIFYING, VERIFYING_SHORT

Form = Literal["json", "word"]
AskModel = Callable[[Question], Awaitable[ModelReply]]

_WORD = re.compile(r"\b(SUCCESS|CONTINUE|PIVOT)\b")
_SUMMARY = 1000
"""Characters of the summary that stands in for one that no model wrote."""


class Verdict(StrEnum):
    """What is to be done with a proposed answer."""

    SUCCESS = "SUCCESS"
    CONTINUE = "CONTINUE"
    PIVOT = "PIVOT"
    UNVERIFIED = "UNVERIFIED"
    """The verifier gave no usable reply; ours."""


class Finding(NamedTuple):
    """What the verifier found."""

    decision: Verdict
    verification: str = ""
    summary: str = ""


class Proposed(NamedTuple):
    """What the verifier looks at."""

    question: str
    trajectory: str
    answer: str | None
    budget: str


async def verified(proposed: Proposed, ask: AskModel, form: Form, asks: int, max_tokens: int) -> Finding:
    """The finding; asked again, with what was wrong, at most `asks` times. Never an error: a verifier harms nothing."""
    text = (VERIFYING if form == "json" else VERIFYING_SHORT).format(
        question=proposed.question,
        trajectory=proposed.trajectory,
        answer=proposed.answer or "None",
        budget=proposed.budget,
    )
    messages: tuple[dict[str, str], ...] = ({"role": "user", "content": text},)
    for _ in range(asks):
        try:
            reply = await ask(Question(messages=messages, max_tokens=max_tokens))
        except (RequestError, EngineError, AdmissionError):
            break
        found = _read(reply.text, form, proposed)
        if found is not None:
            return found
        again = {"role": "user", "content": AGAIN if form == "json" else AGAIN_SHORT}
        messages = (*messages, {"role": "assistant", "content": reply.text}, again)
    return Finding(Verdict.UNVERIFIED)


def _read(text: str, form: Form, proposed: Proposed) -> Finding | None:
    if form == "word":
        word = _WORD.search(text)
        own = f"{proposed.trajectory[-_SUMMARY:]}\nAnswer then: {proposed.answer or 'None'}"
        return None if word is None else Finding(Verdict(word.group()), text.strip(), own)
    found = object_in(text)
    if found is None or found.get("decision") not in ("SUCCESS", "CONTINUE", "PIVOT"):
        return None
    return Finding(
        Verdict(found["decision"]), str(found.get("verification", "")), str(found.get("trajectory_summary", ""))
    )
