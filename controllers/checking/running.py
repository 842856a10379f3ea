"""Runs a check that a model wrote, in the sandbox; what is known of it is what it printed behind a nonce."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ...tools.result import Result

CallTool = Callable[[str, Mapping[str, Any]], Awaitable[Result]]

_HARNESS = """
{source}

def _flyball_outcomes(inputs):
    outcomes = []
    for each in inputs:
        try:
            outcome = evaluate(each)
        except Exception:
            outcome = None
        outcomes.append(outcome if outcome is True or outcome is False else None)
    return outcomes

import json as _flyball_json
print({nonce!r} + _flyball_json.dumps(_flyball_outcomes({inputs!r})))
"""


async def outcomes(source: str, inputs: Sequence[str], call: CallTool, tool: str) -> list[bool | None] | None:
    """What `evaluate` says of each input: None where it raises or gives no bool; None in all when it cannot be run.

    Nothing that the check wrote is run outside of the sandbox. A check could print an outcome of its own making, but no
    more than it could return: it decides about answers, and answers are data to it.
    """
    nonce = secrets.token_hex(16)
    code = _HARNESS.format(source=source, nonce=nonce, inputs=list(inputs))
    result = await call(tool, {"code": code})
    if not result.ok:
        return None
    lines = [line for line in result.text.splitlines() if line.startswith(nonce)]
    return _read(lines[-1].removeprefix(nonce), len(inputs)) if lines else None


def _read(text: str, count: int) -> list[bool | None] | None:
    try:
        said = json.loads(text)
    except ValueError:
        return None
    if (
        not isinstance(said, list)
        or len(said) != count
        or not all(one is None or isinstance(one, bool) for one in said)
    ):
        return None
    return said
