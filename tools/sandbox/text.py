"""Cutting text that nobody will read whole."""

from __future__ import annotations


def cut_middle(text: str, most: int) -> str:
    """The text, or its first and last `most // 2` characters with a note between them of what was cut out.

    Example: 100 characters cut to 10 are the first 5, `[... 90 characters cut ...]` and the last 5.
    """
    if len(text) <= most:
        return text
    half = most // 2
    return join_cut(text[:half], len(text) - 2 * half, text[len(text) - half :])


def join_cut(head: str, cut: int, tail: str) -> str:
    """Head and tail of a text from whose middle `cut` characters are gone, saying so."""
    return f"{head}\n[... {cut} characters cut ...]\n{tail}" if cut else head + tail
