"""Chains by number of steps: with forced thinking, without thinking, and left free to choose."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ..world.chain import MAX_STEPS
from ..world.question import Question
from .bench import Bench
from .rows import Row, row
from .shares import Share, share

Way = Literal["thinking", "silent", "free"]
"""thinking: the prompt goes on inside of the thinking; silent: enable_thinking=false; free: the model's first token."""
FREE_STEPS = (1, 2, 4, 8)
FREE_TEMPERATURE = 0.6
MAX_TOKENS = 1100

FIELDS: dict[Way, dict[str, Any]] = {
    "thinking": {
        "chat_template_kwargs": {"enable_thinking": True},
        "flyball": {"controllers": [{"name": "adaptive_think", "mode": "think"}]},
    },
    "silent": {"chat_template_kwargs": {"enable_thinking": False}},
    "free": {},
}


class Cell(msgspec.Struct, frozen=True):
    """Questions of so many steps, answered in one way."""

    way: Way
    temperature: float
    steps: int
    right: Share
    empty: Share
    """Turns without a thought."""
    unfinished: Share
    """Turns that ran out of tokens."""


class Results(msgspec.Struct, frozen=True):
    """Every cell."""

    cells: list[Cell]

    def of(self, way: Way, temperature: float = 0.0) -> dict[int, Cell]:
        """One way's cells by number of steps."""
        return {cell.steps: cell for cell in self.cells if (cell.way, cell.temperature) == (way, temperature)}


async def rows(bench: Bench, way: Way, steps: int, temperature: float = 0.0) -> list[Row]:
    """The turns of one cell."""

    async def work(item: tuple[int, Question]) -> list[Row]:
        number, question = item
        fields = dict(FIELDS[way])
        if temperature:
            fields |= {"temperature": temperature, "seed": bench.seed + number}
        messages = [{"role": "user", "content": question.text}]
        return [row(question, await bench.asker.chat(messages, MAX_TOKENS, **fields))]

    part = f"chain-{way}-{temperature:g}-{steps:02}"
    return await bench.ask(part, list(enumerate(bench.questions("chain", steps))), work)


async def measure(bench: Bench) -> Results:
    """Asks every cell."""
    every = range(1, MAX_STEPS + 1)
    wanted: list[tuple[Way, float, int]] = [("silent", 0.0, steps) for steps in every]
    wanted += [("thinking", 0.0, steps) for steps in every]
    wanted += [("free", FREE_TEMPERATURE, steps) for steps in FREE_STEPS]
    return Results([await _cell(bench, *which) for which in wanted])


async def _cell(bench: Bench, way: Way, temperature: float, steps: int) -> Cell:
    asked = await rows(bench, way, steps, temperature)
    empty = share(asked, lambda row: not row.thinking.strip())
    unfinished = share(asked, lambda row: row.replies[-1].finish == "length")
    return Cell(way, temperature, steps, share(asked), empty, unfinished)
