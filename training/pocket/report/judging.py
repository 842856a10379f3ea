"""Judges' and raters' short questions, by what they ask for."""

from __future__ import annotations

import random

import msgspec

from ..reasoner import judging
from ..reasoner.behaviour import BEHAVIOUR
from .bench import Bench
from .rows import Row
from .shares import Share, share

MAX_TOKENS = 12

_MARKS = {
    **{question: f"self-evaluation: {aspect}" for aspect, question in judging.ASPECTS.items()},
    "Is the last step right?": "grading of a step",
    "Which skill is missing?": "missing skill",
    "Is this problem easy or difficult?": "difficulty",
    "Does this need a tool?": "need of a tool",
    "Reply SUCCESS, CONTINUE or PIVOT.": "decision of a verifier",
}


class Results(msgspec.Struct, frozen=True):
    """All, and by what was asked."""

    right: Share
    by_aspect: dict[str, Share]


async def measure(bench: Bench) -> Results:
    """Draws held-out judgements and asks them without thinking."""
    rng = random.Random(f"judge/{bench.seed}")
    judgements = [judging.draw_judgement(rng, BEHAVIOUR, "test") for _ in range(bench.n)]

    async def work(judgement: judging.Judgement) -> list[Row]:
        messages = [{"role": "user", "content": judgement.text}]
        off = {"enable_thinking": False}
        reply = await bench.asker.chat(messages, MAX_TOKENS, chat_template_kwargs=off)
        return [Row(judgement.text, judgement.reply, (reply,), label=aspect(judgement.text))]

    rows = await bench.ask("judge", judgements, work)
    named = sorted({row.label for row in rows})
    return Results(share(rows, _right), {name: share((r for r in rows if r.label == name), _right) for name in named})


def aspect(text: str) -> str:
    """What the last line of a judge's prompt asks for."""
    last = text.rpartition("\n")[2]
    return next((name for mark, name in _MARKS.items() if mark in last), "other")


def _right(row: Row) -> bool:
    return row.replies[-1].content.strip() == row.answer
