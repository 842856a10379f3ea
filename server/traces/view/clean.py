"""Text that others wrote, made safe to look at: it cannot move a cursor, change a colour, or reverse the reading order."""

from __future__ import annotations

_PICTURES = 0x2400
"""Unicode's pictures of control characters begin here."""
_KEPT = frozenset("\n\t")
_REORDERING = frozenset(
    [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C]  # embeddings, overrides, isolates, marks
)


def _shown(code: int) -> str:
    if code < 0x20:
        return chr(_PICTURES + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else "\N{REPLACEMENT CHARACTER}"


_TABLE = {code: _shown(code) for code in [*range(0x20), *range(0x7F, 0xA0), *_REORDERING] if chr(code) not in _KEPT}


def clean(text: str) -> str:
    """The text with control and reordering characters shown instead of sent. Example: "\\x1b[31m" is "␛[31m"."""
    return text.translate(_TABLE)


_ESCAPES = {code: f"\\u{code:04x}" for code in [*range(0x7F, 0xA0), *_REORDERING]}


def clean_json(text: str) -> str:
    """JSON text with those that JSON leaves as they are written as escapes: it means the same."""
    return text.translate(_ESCAPES)
