"""Questions about documents: without and with a search, with the reasoning sent back and without, and the mixed set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from ....tools.passages import Passage
from ..world.question import LOOKUPS, Kind, Question
from .arithmetic import HINTED
from .bench import Bench
from .conversation import MAX_TOKENS, converse
from .rows import Row, row
from .shares import Share, share
from .toolbox import all_tools, search_tool

MAX_ROUNDS = 6
Way = Literal["alone", "search", "search-stripped"]
"""alone: no tool; search-stripped: with search, and the history without the model's thinking."""


class Searched(msgspec.Struct, frozen=True):
    """One kind of question."""

    alone: Share
    """Without a search."""
    with_reasoning: Share
    """The history carries the model's thinking."""
    without_reasoning: Share
    searches: float
    """Mean calls, with the reasoning sent back."""


class Results(msgspec.Struct, frozen=True):
    """The kinds, and the mixed set with all tools."""

    kinds: dict[Kind, Searched]
    mixed: Share
    mixed_by_kind: dict[str, Share]


async def rows(bench: Bench, kind: Kind, way: Way, passages: Sequence[Passage]) -> list[Row]:
    """The same questions, answered in one way."""
    tools = search_tool(passages)

    async def work(question: Question) -> list[Row]:
        if way == "alone":
            return [row(question, await bench.asker.chat([{"role": "user", "content": question.text}], MAX_TOKENS))]
        return [await converse(bench.asker, question, tools, MAX_ROUNDS, reasoning_back=way == "search")]

    return await bench.ask(f"{kind}-{way}", bench.questions(kind), work)


async def measure(bench: Bench, passages: Sequence[Passage]) -> Results:
    """Asks every kind, and the mixed set."""
    kinds = {kind: await _kind(bench, kind, passages) for kind in LOOKUPS}
    mixed = await _mixed(bench, passages)
    named = sorted({row.kind for row in mixed})
    return Results(kinds, share(mixed), {kind: share(row for row in mixed if row.kind == kind) for kind in named})


async def _kind(bench: Bench, kind: Kind, passages: Sequence[Passage]) -> Searched:
    with_reasoning = await rows(bench, kind, "search", passages)
    return Searched(
        alone=share(await rows(bench, kind, "alone", passages)),
        with_reasoning=share(with_reasoning),
        without_reasoning=share(await rows(bench, kind, "search-stripped", passages)),
        searches=sum(row.calls for row in with_reasoning) / max(1, len(with_reasoning)),
    )


async def _mixed(bench: Bench, passages: Sequence[Passage]) -> list[Row]:
    tools = all_tools(passages)

    async def work(question: Question) -> list[Row]:
        first = HINTED if question.kind == "big" else {}
        return [await converse(bench.asker, question, tools, MAX_ROUNDS, first=first)]

    return await bench.ask("mixed", bench.questions("mixed"), work)
