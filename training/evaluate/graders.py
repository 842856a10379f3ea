r"""Exact graders: whether a response gives the known answer. A response without an answer is wrong.

To add one, write a function `(content, answer) -> bool`, plain or async, and name it by its dotted path.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Awaitable, Callable
from typing import cast

from ...core.answers import extract_answer, same_answer_async
from ...core.errors import ConfigError

Grader = Callable[[str, str], bool | Awaitable[bool]]

GRADERS = {
    "boxed_exact": "flyball.training.evaluate.graders.boxed_exact",
    "math": "flyball.training.evaluate.graders.same_math",
}


def boxed_exact(content: str, answer: str) -> bool:
    r"""The last \boxed{…} is the answer, letter for letter."""
    return extract_answer(content) == answer.strip()


async def same_math(content: str, answer: str) -> bool:
    r"""The last \boxed{…} is mathematically the answer: \frac{1}{2} for 0.5."""
    return await same_answer_async(extract_answer(content), answer)


def load_grader(name: str) -> Grader:
    """A grader by its short name or dotted path. Errors: ConfigError, which lists the short names."""
    module, _, attribute = GRADERS.get(name, name).rpartition(".")
    try:
        return cast(Grader, getattr(importlib.import_module(module), attribute))
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"there is no grader {name!r}; known: {', '.join(GRADERS)}, or a dotted path") from error


async def grade(grader: Grader, content: str, answer: str) -> bool:
    """What the grader says, plain or async."""
    verdict = grader(content, answer)
    return bool(await verdict if inspect.isawaitable(verdict) else verdict)
