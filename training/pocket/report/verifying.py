"""The verifier: on passages drawn as in its training, and on passages of what the reasoner really sampled."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from ..verifier.wording import EQUIVALENCE, EXISTENCE
from ..verifier.writer import NO, YES, Passage, Verdict, ask_equivalence, ask_existence, equivalence, existence
from ..world.question import Question
from .bench import Bench
from .rows import Row
from .shares import Share, share
from .thoughts import conclusion, split, stated

SHOWN_ERRORS = 30
LOGPROBS = 10


class Mistake(msgspec.Struct, frozen=True):
    """A verdict that was wrong."""

    source: str
    prompt: str
    expected: str
    yes: float
    """P(Yes) beside P(No)."""


class Results(msgspec.Struct, frozen=True):
    """By where the passages come from and what was asked."""

    held_out: dict[str, Share]
    sampled: dict[str, Share]
    wrong: int
    mistakes: list[Mistake]
    """The first of them."""


async def measure(bench: Bench, thinkings: Sequence[Row]) -> Results:
    """`bench` asks the verifier; `thinkings` are the reasoner's own."""
    rng = random.Random(f"verifier/{bench.seed}")
    held_out = {
        "existence": [existence(rng, "test") for _ in range(bench.n)],
        "equivalence": [equivalence(rng, "test") for _ in range(bench.n)],
    }
    sampled = {"existence": existence_cases(rng, thinkings, bench.n)}
    sampled["equivalence"] = equivalence_cases(rng, thinkings, bench.n)
    first = {kind: await _rows(bench, f"verifier-held-out-{kind}", cases) for kind, cases in held_out.items()}
    second = {kind: await _rows(bench, f"verifier-sampled-{kind}", cases) for kind, cases in sampled.items()}
    wrong = [
        Mistake(f"{source}, {kind}", row.question, row.answer, _share_of_yes(row.replies[0].tops))
        for source, named in (("held-out", first), ("sampled", second))
        for kind, rows in named.items()
        for row in rows
        if not _right(row)
    ]
    return Results(
        {kind: share(rows, _right) for kind, rows in first.items()},
        {kind: share(rows, _right) for kind, rows in second.items()},
        len(wrong),
        wrong[:SHOWN_ERRORS],
    )


def existence_cases(rng: random.Random, rows: Sequence[Row], n: int) -> list[Verdict]:
    """Thoughts of the reasoner, half of them cut; Yes where the text ends with a result, No where it states none."""
    thoughts = [(row, thought) for row in rows for thought in split(row.thinking)]
    found: list[Verdict] = []
    while len(found) < n and thoughts:
        row, thought = rng.choice(thoughts)
        text = thought[: rng.randint(1, len(thought))].strip() if rng.random() < 0.5 else thought
        result = conclusion(text)
        if text and (result is not None or not stated(text)):
            passage = Passage(_question(row), text, result)
            found.append(Verdict(ask_existence(EXISTENCE[0], passage), NO if result is None else YES))
    return found


def equivalence_cases(rng: random.Random, rows: Sequence[Row], n: int) -> list[Verdict]:
    """Adjacent thoughts that both conclude; in half of the pairs the second one's digit is changed."""
    pairs = [(row, *pair) for row in rows for pair in _concluded_pairs(row.thinking)]
    found: list[Verdict] = []
    while len(found) < n and pairs:
        row, first, second = rng.choice(pairs)
        if rng.random() < 0.5:
            second = _changed(rng, second)
        one, other = (Passage(_question(row), text, conclusion(text)) for text in (first, second))
        reply = YES if one.result == other.result else NO
        found.append(Verdict(ask_equivalence(EQUIVALENCE[0], one, other), reply))
    return found


def _concluded_pairs(thinking: str) -> list[tuple[str, str]]:
    thoughts = split(thinking)
    return [(a, b) for a, b in pairwise(thoughts) if conclusion(a) and conclusion(b)]


def _changed(rng: random.Random, thought: str) -> str:
    """The thought with another digit at the end of its result."""
    result = conclusion(thought)
    assert result is not None
    head, _, tail = thought.rpartition(result)
    digit = rng.choice([d for d in "0123456789" if d != result[-1]])
    return f"{head}{result[:-1]}{digit}{tail}"


def _question(row: Row) -> Question:
    return Question("chain", row.question, row.answer, row.difficulty)


async def _rows(bench: Bench, part: str, cases: Sequence[Verdict]) -> list[Row]:
    async def work(case: Verdict) -> list[Row]:
        messages = [{"role": "user", "content": case.text}]
        off = {"enable_thinking": False}
        reply = await bench.asker.chat(
            messages, 1, temperature=1.0, logprobs=True, top_logprobs=LOGPROBS, chat_template_kwargs=off
        )
        return [Row(case.text, case.reply, (reply,))]

    return await bench.ask(part, cases, work)


def _right(row: Row) -> bool:
    tops = row.replies[0].tops
    return verdict(tops) == row.answer


def verdict(tops: Mapping[str, float]) -> str | None:
    """The likelier one of Yes and No by the first token's log-probabilities; None where neither is likely."""
    yes, no = _logprob(tops, YES), _logprob(tops, NO)
    return None if yes == no == -math.inf else YES if yes >= no else NO


def _logprob(tops: Mapping[str, float], word: str) -> float:
    """Of the likeliest token that begins the word."""
    return max((value for token, value in tops.items() if token and word.startswith(token)), default=-math.inf)


def _share_of_yes(tops: Mapping[str, float]) -> float:
    yes, no = (math.exp(_logprob(tops, word)) for word in (YES, NO))
    return round(yes / (yes + no), 4) if yes + no else 0.0
