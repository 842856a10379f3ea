r"""The answer that a response states: the last \boxed{…}, else in <answer> tags, behind the last ####, or "the answer is"."""

from __future__ import annotations

import re

from ....core.answers import extract_answer

_TAGGED = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_HASHES = re.compile(r"^[^\S\n]*####[^\S\n]*(\S.*)$", re.MULTILINE)
_SAID = re.compile(r"\banswer(?:[^\S\n]+is)?[^\S\n]*[:=]?(?<=[:=s])[^\S\n]*(\S.*)$", re.IGNORECASE | re.MULTILINE)


def stated_answer(content: str) -> str | None:
    r"""The answer, or None when none is stated.

    Example: "#### 72", "**Answer:** 72", "The answer is $72$.", "<answer>72</answer>" and "\boxed{72}" all state "72".
    """
    if (boxed := extract_answer(content)) is not None:
        return boxed
    for pattern in (_TAGGED, _HASHES, _SAID):
        if found := pattern.findall(content.replace("**", "")):
            return trimmed(found[-1]) or None
    return None


def trimmed(text: str) -> str:
    """Without white space, a final full stop, and marks of bold or mathematics around it."""
    text = text.strip().rstrip(".").strip()
    if text[:1] == text[-1:] == "$":
        return text[1:-1].strip()
    return text.strip("*").strip()
