"""Thinking that is cut at any token and closed, or asked for its answer: does it say what it had stated last?"""

from __future__ import annotations

import random

import msgspec
from tokenizers import Tokenizer

from ..reasoner.wording import CLOSINGS
from . import chains
from .bench import Bench
from .line import CLOSE_THINK, Line
from .rows import Reply, Row
from .shares import Share, share
from .thoughts import stated

STEPS = tuple(range(2, 9))
MAX_TOKENS = 40
ENDINGS = {
    "of the training data": CLOSINGS[1],
    "Qwen3's": "\n\nConsidering the limited time by the user, I have to give the solution based on the thinking "
    "directly now.\n</think>\n\n",
    "the marker alone": CLOSE_THINK,
}
PROBES = {
    "DEER's probe": "\n**Final Answer**\n\\boxed",
    "Dynasor's probe": "... Oh, I suddenly got the answer to the whole problem, **Final Answer**\n\n\\[ \\boxed{",
}


class Ending(msgspec.Struct, frozen=True):
    """One text that is appended to the cut thinking."""

    text: str
    agrees: Share
    """Where a result had been stated: the answer is the last stated one."""
    right: Share
    """All: the answer is right."""
    right_before: Share
    """Where none had been stated: the answer is right."""


class Results(msgspec.Struct, frozen=True):
    """By what is appended."""

    endings: dict[str, Ending]
    probes: dict[str, Ending]


async def measure(bench: Bench) -> Results:
    """Cuts thinkings of chains, the same ones at the same places for every ending."""
    cuts = await _cuts(bench)
    return Results(
        {name: await _ending(bench, cuts, f"ending-{n}", text) for n, (name, text) in enumerate(ENDINGS.items())},
        {name: await _ending(bench, cuts, f"probe-{n}", text) for n, (name, text) in enumerate(PROBES.items())},
    )


def cut(rng: random.Random, tokenizer: Tokenizer, thinking: str) -> str:
    """The thinking up to a token: at least one is kept, at least one is lost where there are two."""
    encoding = tokenizer.encode(thinking)
    kept = rng.randint(1, max(1, len(encoding.ids) - 1))
    return thinking[: encoding.offsets[kept - 1][1]]


async def _cuts(bench: Bench) -> list[tuple[Row, str]]:
    """Chains of every number of steps in turn, with their thinking so far."""
    rng = random.Random(f"cut/{bench.seed}")
    columns = [await chains.rows(bench, "thinking", steps) for steps in STEPS]
    thought = [row for group in zip(*columns, strict=True) for row in group if row.thinking]
    return [(row, cut(rng, bench.tokenizer, row.thinking)) for row in thought[: bench.n]]


async def _ending(bench: Bench, cuts: list[tuple[Row, str]], part: str, text: str) -> Ending:
    async def work(item: tuple[Row, str]) -> list[Row]:
        thought, kept = item
        line = Line(bench.tokenizer, thought.question)
        line.append(kept)
        line.append(text)
        reply = await line.go_on(bench.asker, MAX_TOKENS)
        said = Reply(text.rpartition("\n")[2] + reply.content, finish=reply.finish, error=reply.error)
        last = stated(kept)[-1:] or [""]
        return [Row(thought.question, thought.answer, (said,), "chain", thought.difficulty, last[0])]

    rows = await bench.ask(part, cuts, work)
    before, after = [row for row in rows if not row.label], [row for row in rows if row.label]
    return Ending(text, share(after, says_what_was_stated), share(rows), share(before))


def says_what_was_stated(row: Row) -> bool:
    """Whether the answer is the label."""
    return msgspec.structs.replace(row, answer=row.label).right
