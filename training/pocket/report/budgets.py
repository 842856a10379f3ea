"""Budget blocks beside a tool's result: with nothing left the model should answer, with much left it may verify."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ....tools.passages import Passage
from ..reasoner.calls import PYTHON, SEARCH, draw_budget
from ..world.question import Question
from . import arithmetic, lookups
from .bench import Bench
from .conversation import converse
from .rows import Row
from .shares import Share, share
from .toolbox import Budgeted, python_tool, search_tool

MUCH = 8
WARM = 0.8


class Results(msgspec.Struct, frozen=True):
    """Shares of the turns that follow the first result; of the conversations in which something was called."""

    search_no_block: Share
    """Calls again when no budget is shown: the second hop."""
    search_none_left: Share
    """Answers when none is left."""
    search_much_left: Share
    """Calls again when much is left."""
    python_no_block: Share
    """Calls again when no budget is shown."""
    python_none_left: Share
    """Answers when none is left."""
    python_much_left: Share
    """Calls again when much is left: a verification."""
    python_much_left_warm: Share
    """The same, sampled."""


async def measure(bench: Bench, passages: Sequence[Passage]) -> Results:
    """One round of calls with a block beside the result, then the turn that counts."""
    warm = {"temperature": WARM, "seed": bench.seed}
    return Results(
        search_no_block=_second(await lookups.rows(bench, "two_hop", "search", passages), calls_again),
        search_none_left=_second(await _searched(bench, passages, 0), answers),
        search_much_left=_second(await _searched(bench, passages, MUCH), calls_again),
        python_no_block=_second(await arithmetic.rows(bench, "hint-declared"), calls_again),
        python_none_left=_second(await _computed(bench, "0", 0), answers),
        python_much_left=_second(await _computed(bench, "much", MUCH), calls_again),
        python_much_left_warm=_second(await _computed(bench, "much-warm", MUCH, **warm), calls_again),
    )


def calls_again(row: Row) -> bool:
    """Whether the turn after the first result calls."""
    return bool(row.replies[1].calls)


def answers(row: Row) -> bool:
    """Whether the turn after the first result has an answer and no call."""
    return not calls_again(row) and bool(row.replies[1].content.strip())


def _second(rows: Sequence[Row], hit: Callable[[Row], bool]) -> Share:
    called = [row for row in rows if row.replies[0].calls or row.error]
    return share(called, lambda row: len(row.replies) > 1 and hit(row))


async def _searched(bench: Bench, passages: Sequence[Passage], left: int) -> list[Row]:
    tools = search_tool(passages)

    async def work(item: tuple[int, Question]) -> list[Row]:
        number, question = item
        budget = draw_budget(random.Random(f"budget/{bench.seed}/{number}"), SEARCH, left + 1)
        return [await converse(bench.asker, question, Budgeted(tools, budget), 1)]

    return await bench.ask(f"budget-search-{left}", list(enumerate(bench.questions("two_hop"))), work)


async def _computed(bench: Bench, part: str, left: int, **fields: Any) -> list[Row]:
    tools = python_tool()

    async def work(item: tuple[int, Question]) -> list[Row]:
        number, question = item
        budget = draw_budget(random.Random(f"budget/{bench.seed}/{number}"), PYTHON, left + 1)
        return [await converse(bench.asker, question, Budgeted(tools, budget), 1, first=arithmetic.HINTED, **fields)]

    return await bench.ask(f"budget-python-{part}", list(enumerate(bench.questions("big"))), work)
