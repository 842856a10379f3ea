"""Long text, cut in the middle."""

from __future__ import annotations


def cut_middle(text: str, limit: int) -> str:
    """The text, of which at most `limit` characters remain: its beginning and its end, where programs say most.

    What says that something was cut comes on top.

    Example: cut_middle("abcdefghij", 4) == "ab\\n[... 6 characters cut out ...]\nij"
    """
    if len(text) <= limit:
        return text
    head = limit - limit // 2
    tail = text[len(text) - limit // 2 :]
    return f"{text[:head]}\n[... {len(text) - limit} characters cut out ...]\n{tail}"
