"""Text that is added to the messages of a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Messages = tuple[Mapping[str, Any], ...]
_SYSTEM = ("system", "developer")


def with_system(messages: Sequence[Mapping[str, Any]], text: str) -> Messages:
    """The messages with a text at the end of their system message, which is made where there is none."""
    if not text:
        return tuple(messages)
    if messages and messages[0]["role"] in _SYSTEM:
        return _with_text(messages[0], text, "\n\n"), *messages[1:]
    return {"role": "system", "content": text}, *messages


def after_system(messages: Sequence[Mapping[str, Any]], inserted: Sequence[Mapping[str, Any]]) -> Messages:
    """The messages with others between those of the system at the beginning and the rest."""
    leading = next((i for i, message in enumerate(messages) if message["role"] not in _SYSTEM), len(messages))
    return (*messages[:leading], *inserted, *messages[leading:])


def with_question(messages: Sequence[Mapping[str, Any]], text: str, between: str = "\n") -> Messages:
    """The messages with a text at the end of the user's last one; at the end of all where there is none."""
    if not text:
        return tuple(messages)
    asked = [number for number, message in enumerate(messages) if message["role"] == "user"]
    if not asked:
        return *messages, {"role": "user", "content": text}
    at = asked[-1]
    return *messages[:at], _with_text(messages[at], text, between), *messages[at + 1 :]


def last_question(messages: Sequence[Mapping[str, Any]]) -> str:
    """The text of the user's last message; empty where there is none."""
    content = next((message.get("content") for message in reversed(messages) if message["role"] == "user"), "") or ""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text") or "") for part in content if isinstance(part, Mapping))


def _with_text(message: Mapping[str, Any], text: str, between: str) -> dict[str, Any]:
    content = message.get("content") or ""
    if isinstance(content, str):
        return {**message, "content": f"{content}{between}{text}" if content else text}
    return {**message, "content": [*content, {"type": "text", "text": f"{between}{text}"}]}
