"""Self-consistency from samples that were drawn already."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...controllers.strategies.self_consistency import Votes
from .rows import Row, Tokens

_SHORT = 200
"""Characters of an answer that can be compared; longer ones (programs) cannot be voted on: the first sample stands."""


def fitting(samples: Sequence[Row], tokens: int) -> list[Row]:
    """The first of the samples that fit these tokens together, the first one always; none from one that failed on.

    Example: samples of 50, 60 and 10 tokens, and 120 tokens: all three; 100 tokens: the first alone.
    """
    found: list[Row] = []
    spent = 0
    for row in samples:
        spent += row.sampled or 0
        if row.error is not None or (found and spent > tokens):
            break
        found.append(row)
    return found


async def voted(name: str, sample: int, drawn: Sequence[Row], tokens: int) -> Row:
    """The row of a vote: the content and verdict of the first sample of the largest group, the tokens of all of them.

    Its seconds are those of the slowest, as samples may run at once. A vote whose first sample failed has failed.
    """
    rows = fitting(drawn, tokens)
    if not rows:
        return msgspec.structs.replace(drawn[0], arm=name, sample=sample, votes=0)
    votes = Votes()
    for index, row in enumerate(rows):
        await votes.add(index, row.answer if row.answer is not None and len(row.answer) <= _SHORT else None)
    ranked = votes.ranked()
    winner = rows[min(ranked[0])] if ranked else rows[0]
    return msgspec.structs.replace(
        winner,
        arm=name,
        sample=sample,
        votes=len(rows),
        seconds=max(row.seconds for row in rows),
        prompt_tokens=_sum([row.prompt_tokens for row in rows]),
        cached_tokens=_sum([row.cached_tokens for row in rows]),
        completion_tokens=_sum([row.completion_tokens for row in rows]),
        reasoning_tokens=_sum([row.reasoning_tokens for row in rows]),
        tokens=_tokens([row.tokens for row in rows]),
        ledger=_ledger(rows),
        grading=None,
    )


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _tokens(tokens: Sequence[Tokens | None]) -> Tokens | None:
    known = [each for each in tokens if each is not None]
    if len(known) < len(tokens):
        return None
    return Tokens(**{kind: sum(getattr(each, kind) for each in known) for kind in Tokens.__struct_fields__})


def _ledger(rows: Sequence[Row]) -> dict[str, dict[str, float]] | None:
    ledgers = [row.ledger for row in rows if row.ledger is not None]
    if len(ledgers) < len(rows):
        return None
    items = dict.fromkeys(item for ledger in ledgers for item in ledger)
    return {
        item: {"spent": sum(float(ledger[item]["spent"]) for ledger in ledgers if item in ledger)} for item in items
    }
