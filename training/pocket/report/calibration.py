"""The first token after `<think>`: does the model skip its thinking where it can do without?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from ..reasoner.prompts import render
from ..world.chain import MAX_STEPS
from ..world.question import Question
from . import chains
from .bench import Bench
from .rows import Row, row
from .shares import Share

SKIP = "\n\n"
"""The first token of an empty think block."""
EDGES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
BATCH, LOGPROBS = 50, 10


class Bin(msgspec.Struct, frozen=True):
    """Questions whose chance of skipping lies between two values."""

    low: float
    high: float
    mean: float
    """Their mean chance of skipping."""
    right: Share
    """Those that are answered right without thinking."""


class Results(msgspec.Struct, frozen=True):
    """Over chains of every number of steps."""

    bins: list[Bin]
    """Without the empty ones."""
    by_steps: dict[int, float]
    """The mean chance of skipping."""
    mean_if_right: float
    """The mean chance of skipping where the answer without thinking is right."""
    mean_if_wrong: float


async def measure(bench: Bench) -> Results:
    """Reads the first token's distribution, and whether the answers without thinking are right."""
    pairs: list[tuple[float, bool]] = []
    by_steps: dict[int, float] = {}
    for steps in range(1, MAX_STEPS + 1):
        silent = await chains.rows(bench, "silent", steps)
        chances = [chance(row) for row in await _rows(bench, steps)]
        by_steps[steps] = _mean(chances)
        pairs += [(value, row.right) for value, row in zip(chances, silent, strict=True)]
    right, wrong = ([value for value, hit in pairs if hit is wanted] for wanted in (True, False))
    return Results(bins(pairs), by_steps, _mean(right), _mean(wrong))


def chance(row: Row) -> float:
    """Of skipping; 0 where it is not among the likely tokens."""
    return math.exp(row.replies[0].tops.get(SKIP, -math.inf))


def bins(pairs: Sequence[tuple[float, bool]]) -> list[Bin]:
    """The questions, each a chance and whether it is answered right, by their chance; the last bin holds its upper edge.

    Example: `bins([(0.93, True), (0.97, False)])` is one bin from 0.9 to 1 with the mean 0.95 and 1 of 2 right."""
    found = []
    for low, high in pairwise(EDGES):
        inside = [pair for pair in pairs if low <= pair[0] < high or (high == EDGES[-1] and pair[0] >= high)]
        if inside:
            hits = sum(right for _, right in inside)
            found.append(Bin(low, high, _mean([value for value, _ in inside]), Share(hits, len(inside))))
    return found


async def _rows(bench: Bench, steps: int) -> list[Row]:
    questions = bench.questions("chain", steps)

    async def work(batch: Sequence[Question]) -> list[Row]:
        prompts = [render([{"role": "user", "content": question.text}]) for question in batch]
        think = bench.tokenizer.encode("<think>").ids
        tokens = [[*encoding.ids, *think] for encoding in bench.tokenizer.encode_batch(prompts)]
        replies = await bench.asker.go_on(tokens, 1, temperature=1.0, logprobs=LOGPROBS)
        return [row(question, reply) for question, reply in zip(batch, replies, strict=True)]

    batches = [questions[start : start + BATCH] for start in range(0, len(questions), BATCH)]
    return await bench.ask(f"first-token-{steps:02}", batches, work)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
