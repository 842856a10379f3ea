"""Results of tools as a family's own chat template writes them: the part of it that follows the turn with the calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...core.chat_format import Answer
from ...core.errors import RequestError

_LAST_CALL = "flyball-last-call"
_ARGUMENTS = f'{{"at": "{_LAST_CALL}"}}'


def answered_turn(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """A conversation whose last turn made these calls, and got these results."""
    calls = [_call(answer.id, answer.name) for answer in answers]
    results = [
        {"role": "tool", "tool_call_id": answer.id, "name": answer.name, "content": answer.result} for answer in answers
    ]
    question = {"role": "user", "content": "?"}
    return [question, {"role": "assistant", "content": "", "tool_calls": calls}, *results]


def _call(id: str, name: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": _ARGUMENTS}}


def one_by_one(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same for templates that take one call per turn: only the last call is left, the results are all there."""
    question, turn, *results = messages
    return [question, {**turn, "tool_calls": turn["tool_calls"][-1:]}, *results]


def after_calls(rendered: str, calls: int, ends: Iterable[str]) -> str:
    """What follows the end of the turn that made the last call. Errors: RequestError where there is no such place."""
    start = _last_call(rendered, calls)
    found = [(at, at + len(end)) for end in ends if start >= 0 and (at := rendered.find(end, start)) >= 0]
    if not found:
        raise RequestError("The model's chat template has no place for results of tools.", "flyball.tools")
    return rendered[min(found)[1] :]


def _last_call(rendered: str, calls: int) -> int:
    """Where the last of so many calls stands; results, which may hold any text, come after it."""
    at = -1
    for _ in range(calls):
        at = rendered.find(_LAST_CALL, at + 1)
    return at
