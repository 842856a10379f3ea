"""Chains thought through several times at a temperature: how much is lost, and how much the thinking varies."""

from __future__ import annotations

import msgspec

from ..world.question import Question
from . import chains
from .bench import Bench
from .rows import Row, row
from .shares import Share, share, together

STEPS = tuple(range(1, 9))
TEMPERATURE, SAMPLES = 0.8, 4


class Results(msgspec.Struct, frozen=True):
    """The same questions sampled and greedy."""

    temperature: float
    samples: int
    sampled: Share
    greedy: Share
    distinct: Share
    """Of the samples of one question, the different thinkings; summed over the questions."""
    by_steps: dict[int, Share]

    @property
    def loss(self) -> float:
        """Greedy accuracy less sampled accuracy."""
        return self.greedy.value - self.sampled.value


async def rows(bench: Bench, temperature: float = TEMPERATURE, samples: int = SAMPLES) -> list[Row]:
    """All samples, those of one question next to each other."""

    async def work(item: tuple[int, Question]) -> list[Row]:
        number, question = item
        messages = [{"role": "user", "content": question.text}]
        fields = {"temperature": temperature, "seed": bench.seed + 1000 * number, **chains.FIELDS["thinking"]}
        replies = await bench.asker.samples(messages, samples, chains.MAX_TOKENS, **fields)
        return [row(question, reply) for reply in replies]

    return await bench.ask(f"sampled-{temperature:g}", list(enumerate(bench.chains(*STEPS))), work)


async def measure(bench: Bench) -> Results:
    """Samples, and compares with the greedy turns of the same questions."""
    sampled = await rows(bench)
    asked = {row.question for row in sampled}
    greedy = [row for steps in STEPS for row in await chains.rows(bench, "thinking", steps) if row.question in asked]
    by_steps = {steps: share(row for row in sampled if row.difficulty == steps) for steps in STEPS}
    groups = [sampled[start : start + SAMPLES] for start in range(0, len(sampled), SAMPLES)]
    distinct = together(Share(len({row.thinking for row in group}), len(group)) for group in groups)
    return Results(TEMPERATURE, SAMPLES, share(sampled), share(greedy), distinct, by_steps)
