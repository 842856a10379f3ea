"""Splits a section into passages."""

from __future__ import annotations

import re

_SEAMS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"(?<=[.!?])\s+"), re.compile(r"\s+"))
"""Where a text may be split, the best first: paragraphs, lines, sentences, words."""


def split(text: str, most: int) -> list[str]:
    """The text in passages of at most `most` characters, as long as they can be; a text that fits stays as it is.

    Example: split("One. Two. Three.", 10) gives "One. Two." and "Three.".
    """
    if len(text) <= most:
        return [text] if text.strip() else []
    text = text.strip()
    seam = next((seam for seam in _SEAMS if seam.search(text)), None)
    if seam is None or len(text) <= most:
        return [text[start : start + most] for start in range(0, len(text), most)]
    return _joined(text, seam, most)


def _joined(text: str, seam: re.Pattern[str], most: int) -> list[str]:
    """Pieces between seams, put together again as long as they fit; a piece that is too long is split at finer seams."""
    passages: list[str] = []
    start = end = 0  # the passage that grows is text[start:end]
    for piece_start, piece_end in _pieces(text, seam):
        if end > start and piece_end - start > most:
            passages.append(text[start:end])
            start = end = piece_start
        if piece_end - piece_start > most:
            passages += split(text[piece_start:piece_end], most)
            start = end = piece_end
        else:
            start = start if end > start else piece_start
            end = piece_end
    return [*passages, *([text[start:end]] if end > start else [])]


def _pieces(text: str, seam: re.Pattern[str]) -> list[tuple[int, int]]:
    cuts = [0, *(position for found in seam.finditer(text) for position in found.span()), len(text)]
    spans = zip(cuts[::2], cuts[1::2], strict=True)
    return [(start, end) for start, end in spans if text[start:end].strip()]
