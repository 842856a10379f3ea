"""Final answers: taken from text, and compared mathematically (math-verify); a missing answer equals nothing."""

from __future__ import annotations

import asyncio
import re
from functools import cache

from .comparer import Comparers

_BOXED = "\\boxed{"
_WHOLE = re.compile(r"-?[0-9]{1,40}")


def extract_answer(text: str) -> str | None:
    r"""The content of the last complete \boxed{…}; None when there is none or it is empty.

    Example: extract_answer(r"so \boxed{\frac{1}{2}}.") == r"\frac{1}{2}"
    """
    end = len(text)
    while (start := text.rfind(_BOXED, 0, end)) >= 0:
        content = _balanced(text, start + len(_BOXED))
        if content is not None and content.strip():
            return content.strip()
        end = start
    return None


def _balanced(text: str, start: int) -> str | None:
    depth = 1
    for index in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return text[start:index]
    return None


def same_answer(a: str | None, b: str | None) -> bool:
    r"""Whether two answers are the same result; literally, or by math-verify (\frac12 and 0.5 are).

    A missing answer never equals anything, another missing one included; an empty one is missing. To be called on a
    main thread, where math-verify's own time limit works; elsewhere use `same_answer_async`.
    """
    if (known := _literally(a, b)) is not None:
        return known
    from math_verify import parse, verify  # imports sympy, half a second

    return bool(verify(parse(f"${a}$"), parse(f"${b}$")))


def _literally(a: str | None, b: str | None) -> bool | None:
    """Whether they are the same, where that takes no mathematics."""
    if not a or not b or not a.strip() or not b.strip():
        return False
    if _WHOLE.fullmatch(a.strip()) and _WHOLE.fullmatch(b.strip()):
        return int(a) == int(b)
    return True if a.strip() == b.strip() else None


async def same_answer_async(a: str | None, b: str | None, *, seconds: float = 10.0) -> bool:
    """`same_answer` in a process that is killed when it takes longer than `seconds`, which counts as different.

    Answers are written by a model: an expression like 9^{9^{9^9}} must not hold a server up.
    """
    if (known := _literally(a, b)) is not None:
        return known
    assert a is not None and b is not None
    comparison = _comparers().compare(a, b, seconds)
    try:
        return await asyncio.wrap_future(comparison.result)
    except asyncio.CancelledError:
        comparison.give_up()
        raise


@cache
def _comparers() -> Comparers:
    return Comparers()
