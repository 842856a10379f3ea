"""Big numbers: by hand, with a hint, and with Python in both forms; how often the model reaches for Python itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec

from ..world.question import Question
from .bench import Bench
from .conversation import MAX_TOKENS, converse
from .fenced import OPENING, think_with_code
from .rows import Row, row
from .shares import Share, share
from .toolbox import python_tool

HINT = "Wait, maybe using Python here is a good idea."
"""As published (START, arXiv 2503.04625); not among the hints of the training data."""
HINTED: dict[str, Any] = {"flyball": {"controllers": [{"name": "hint_infer", "hints": [HINT], "rounds": 1}]}}
MAX_ROUNDS = 4
WARM = 0.6

Way = Literal["alone", "alone-warm", "declared", "declared-warm", "hint-declared", "hint-fenced", "hint-alone"]
WAYS: dict[Way, str] = {
    "alone": "no tool",
    "alone-warm": f"no tool, temperature {WARM:g}",
    "declared": "Python declared, no hint",
    "declared-warm": f"Python declared, no hint, temperature {WARM:g}",
    "hint-declared": "hint, Python declared",
    "hint-fenced": "hint, Python run in the thinking",
    "hint-alone": "hint, nothing runs the code",
}
_Work = Callable[[Question], Awaitable[Row]]


class Arm(msgspec.Struct, frozen=True):
    """One way to answer."""

    name: str
    right: Share
    python: Share
    """Questions for which the model wrote code or called Python."""
    by_digits: dict[int, Share]


class Results(msgspec.Struct, frozen=True):
    """Every way."""

    arms: dict[Way, Arm]


async def rows(bench: Bench, way: Way) -> list[Row]:
    """The same questions, answered in one way."""
    work = _work(bench, way)

    async def one(question: Question) -> list[Row]:
        return [await work(question)]

    return await bench.ask(f"big-{way}", bench.questions("big"), one)


async def measure(bench: Bench) -> Results:
    """Asks in every way."""
    return Results({way: _arm(name, await rows(bench, way)) for way, name in WAYS.items()})


def _work(bench: Bench, way: Way) -> _Work:
    tools = python_tool()

    async def by_hand(question: Question, **fields: Any) -> Row:
        messages = [{"role": "user", "content": question.text}]
        return row(question, await bench.asker.chat(messages, MAX_TOKENS, **fields))

    async def called(question: Question, **fields: Any) -> Row:
        return await converse(bench.asker, question, tools, MAX_ROUNDS, **fields)

    warm = {"temperature": WARM, "seed": bench.seed}
    ways: dict[Way, _Work] = {
        "alone": by_hand,
        "alone-warm": lambda question: by_hand(question, **warm),
        "declared": called,
        "declared-warm": lambda question: called(question, **warm),
        "hint-declared": lambda question: called(question, first=HINTED),
        "hint-fenced": lambda question: think_with_code(bench, question, HINT),
        "hint-alone": lambda question: by_hand(question, **HINTED),
    }
    return ways[way]


def _arm(name: str, asked: list[Row]) -> Arm:
    digits = sorted({row.difficulty for row in asked})
    by_digits = {count: share(row for row in asked if row.difficulty == count) for count in digits}
    return Arm(name, share(asked), share(asked, reached_for_python), by_digits)


def reached_for_python(row: Row) -> bool:
    """Whether there is code in a thinking, or a call of Python."""
    return any(OPENING in reply.thinking or any(call.name == "python" for call in reply.calls) for reply in row.replies)
