"""Text that a controller adds to what the model is told first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Messages = tuple[Mapping[str, Any], ...]
_SYSTEM = ("system", "developer")


def with_system_text(messages: Messages, text: str) -> Messages:
    """The messages with `text` behind the first one, if it is the system's; else with a system message before them."""
    if not messages or messages[0].get("role") not in _SYSTEM:
        return ({"role": "system", "content": text}, *messages)
    content = messages[0].get("content") or ""
    joined = f"{content}\n\n{text}".lstrip() if isinstance(content, str) else [*content, {"type": "text", "text": text}]
    return ({**messages[0], "content": joined}, *messages[1:])


def after_system(messages: Messages, inserted: Messages) -> Messages:
    """The messages with others between those of the system at the beginning and the rest."""
    leading = next((i for i, message in enumerate(messages) if message.get("role") not in _SYSTEM), len(messages))
    return (*messages[:leading], *inserted, *messages[leading:])
