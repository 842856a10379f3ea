"""Thinking taken apart: thoughts are separated by empty lines, and a result is stated as "result is X"."""

import re
from dataclasses import dataclass

_RESULT = re.compile(r"\bresult is (-?\d+)")
_CONCLUDED = re.compile(r"\bresult is (-?\d+)\.?\s*\Z")


def split(thinking: str) -> list[str]:
    """The thoughts, without those that are empty."""
    return [thought.strip() for thought in thinking.split("\n\n") if thought.strip()]


def stated(text: str) -> list[str]:
    """Every result that the text states, in order. Example: `stated("So the result is 4.") == ["4"]`."""
    return _RESULT.findall(text)


def conclusion(text: str) -> str | None:
    """The result that the text ends with; None when it ends otherwise."""
    found = _CONCLUDED.search(text)
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Trace:
    """What happened in one thinking.

    Example: the thoughts "… the result is 3.", "Wait. … the result is 4.", "Hmm. … the result is 4." on a question whose
    answer is 4: `Trace(first="3", last="4", verifications=2, redundant=1)`."""

    first: str | None
    """The first stated result."""
    last: str | None
    verifications: int
    """Thoughts after the one with the first result."""
    redundant: int
    """Those of them before which the result that stood was right already."""


def trace(thinking: str, answer: str) -> Trace:
    """Follows the stated results through the thoughts."""
    thoughts = [stated(thought) for thought in split(thinking)]
    reached = next((index for index, results in enumerate(thoughts) if results), None)
    if reached is None:
        return Trace(None, None, 0, 0)
    first, standing, redundant = thoughts[reached][0], thoughts[reached][-1], 0
    for results in thoughts[reached + 1 :]:
        redundant += standing == answer
        standing = results[-1] if results else standing
    return Trace(first, standing, len(thoughts) - reached - 1, redundant)
