"""CoRT's instruction: the user's message asks for Python beside natural language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TEXT = (
    "\nPlease integrate natural language reasoning with python programs to solve the problem above, and put your final "
    "answer within \\boxed{}."
)
"""As published (CoRT's inference code)."""

Messages = Sequence[Mapping[str, Any]]


def instructed(messages: Messages) -> tuple[Mapping[str, Any], ...]:
    """The conversation with the instruction behind its last message of the user's; where there is none, as it is."""
    last = max((number for number, message in enumerate(messages) if message["role"] == "user"), default=None)
    return tuple(_extended(message) if number == last else message for number, message in enumerate(messages))


def _extended(message: Mapping[str, Any]) -> Mapping[str, Any]:
    content = message.get("content") or ""
    if isinstance(content, str):
        return {**message, "content": content + TEXT}
    return {**message, "content": [*content, {"type": "text", "text": TEXT}]}
