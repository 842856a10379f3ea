"""A JSON object in what a model replied."""

from __future__ import annotations

import json
from typing import Any

_TRIED = 32
"""Places at which an object may begin."""


def object_in(text: str) -> dict[str, Any] | None:
    """The first JSON object in a text, fences and words around it left aside; None where there is none.

    Example: 'Here you are:\\n```json\\n{"decision": "PIVOT"}\\n```' gives {"decision": "PIVOT"}.
    """
    decoder, at = json.JSONDecoder(), -1
    for _ in range(_TRIED):
        at = text.find("{", at + 1)
        if at < 0:
            break
        try:
            value, _ = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    return None
