"""The question of a conversation: what its user said last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def last_question(messages: Sequence[Mapping[str, Any]]) -> str:
    """The text of the last message of the user; empty when there is none."""
    content = next((message.get("content") for message in reversed(messages) if message.get("role") == "user"), "")
    if isinstance(content, str):
        return content
    return " ".join(str(part["text"]) for part in content or () if isinstance(part, Mapping) and part.get("text"))
