"""What every measurement works with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tokenizers import Tokenizer

from ..world.question import Question
from ..world.sets import questions
from .asking import Asker
from .parts import Parts
from .rows import Row

CONCURRENCY = 64

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""Told the part, and how much of how much of it is done."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A server's model, the questions' number and seed, and the parts that are done."""

    asker: Asker
    parts: Parts
    tokenizer: Tokenizer
    n: int
    seed: int
    on_progress: Progress

    def questions(self, name: str, *difficulties: int) -> list[Question]:
        """The held-out questions of a set: always the same ones."""
        return questions(name, "test", self.n, self.seed, difficulties)

    def chains(self, *steps: int) -> list[Question]:
        """As many chains in all, evenly of each number of steps."""
        each = [questions("chain", "test", -(-self.n // len(steps)), self.seed, (count,)) for count in steps]
        return [question for group in zip(*each, strict=True) for question in group][: self.n]

    async def ask(self, part: str, items: Sequence[T], work: Callable[[T], Awaitable[Sequence[Row]]]) -> list[Row]:
        """The rows of a part in the order of its items; asked at most once, a bounded number at a time."""
        if (kept := self.parts.load(part)) is not None:
            self.on_progress(part, len(items), len(items))
            return kept
        found: list[Sequence[Row]] = [()] * len(items)
        pending, done = iter(enumerate(items)), 0
        self.on_progress(part, 0, len(items))

        async def serve() -> None:
            nonlocal done
            for place, item in pending:  # one iterator for all
                found[place] = await work(item)
                done += 1
                self.on_progress(part, done, len(items))

        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(serve())
        rows = [row for rows in found for row in rows]
        self.parts.save(part, rows)
        return rows
