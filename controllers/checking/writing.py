"""Checks as a model writes them, and which of them are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..json_reply import object_in
from .running import CallTool, outcomes

WRITING = """\
Instruction: {question}
Write a Python function `evaluate(response: str) -> bool` that is True if and only if a response follows the parts of the \
instruction that code can check. Give three cases with it, some True and some False.
Reply with JSON and nothing else: {{"func": "def evaluate(response):\\n    ...", "cases": [{{"input": "", "output": true}}]}}"""
_CASES = 8
"""Of one function, at most."""
_LONGEST = 20_000


class Case(NamedTuple):
    """A response, and whether it follows the instruction."""

    input: str
    output: bool


class Check(NamedTuple):
    """A function, with the cases that came with it."""

    source: str
    cases: tuple[Case, ...]


def check_in(reply: str) -> Check | None:
    """The check in a reply; None where it has none."""
    found = object_in(reply)
    source = found.get("func") if found is not None else None
    if found is None or not isinstance(source, str) or "def evaluate" not in source or len(source) > _LONGEST:
        return None
    given = found.get("cases")
    cases = [_case(each) for each in given] if isinstance(given, list) else []
    return Check(source, tuple(case for case in cases if case is not None)[:_CASES])


def _case(given: Any) -> Case | None:
    if not isinstance(given, dict):
        return None
    text, output = given.get("input"), given.get("output")
    return Case(text, output) if isinstance(text, str) and isinstance(output, bool) else None


async def agreeing(checks: Sequence[Check], call: CallTool, tool: str, accuracy: float) -> list[Check]:
    """Checks that run, and that are right on so large a share of the cases; without any case those that run.

    A case counts where at least one function agrees with it.

    Example: two functions agree with three of four cases and one with none of them, accuracy 0.8: two are kept.
    """
    cases = list(dict.fromkeys(case for check in checks for case in check.cases))
    inputs = [case.input for case in cases]
    said = await asyncio.gather(*(outcomes(check.source, inputs, call, tool) for check in checks))
    right = [[one is case.output for one, case in zip(row or [], cases, strict=False)] for row in said]
    counted = [number for number in range(len(cases)) if any(row[number] for row in right if row)]
    return [
        check
        for check, row, ran in zip(checks, right, said, strict=True)
        if ran is not None and sum(row[number] for number in counted) >= accuracy * len(counted)
    ]


class Judged(NamedTuple):
    """What checks say of an answer."""

    failed: list[Check]
    """They do not say True of it."""
    unrun: int
    """Checks that could not be run: they say nothing."""


async def judged(checks: Sequence[Check], answer: str, call: CallTool, tool: str) -> Judged:
    """Run the checks on an answer, all at once."""
    said = await asyncio.gather(*(outcomes(check.source, [answer], call, tool) for check in checks))
    failed = [check for check, row in zip(checks, said, strict=True) if row is not None and row != [True]]
    return Judged(failed, sum(row is None for row in said))
