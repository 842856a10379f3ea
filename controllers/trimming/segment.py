"""Segments of thinking, and the end of one that a verifier reads."""

from __future__ import annotations

import re

from ...core.chat_format import ChatFormat
from ...core.events import Channel
from ...core.trajectory import Trajectory

_BREAK = re.compile(r"(?<=[.!?])\s+|\n+")
_LONGEST = 2000
"""Characters; a sentence may have no end."""


def thinking_text(trajectory: Trajectory, format: ChatFormat, start: int, end: int) -> str:
    """What was thought between two positions, hints included; without markers, calls and results."""
    pieces = (
        format.decode(trajectory.ids[max(run.start, start) : min(stop, end)])
        for run, stop in trajectory.spans(start)
        if run.start < end and run.channel is Channel.THINK and not run.marker
    )
    return "".join(pieces)


def last_sentences(text: str, count: int) -> str:
    """The last `count` sentences; a line break ends one, too.

    Example: last_sentences("2 and 2. So 4.\nThe result is 4.", 2) == "So 4.\nThe result is 4."
    """
    text = text.strip()
    starts = [0, *(found.end() for found in _BREAK.finditer(text))]
    return text[starts[-count] if len(starts) >= count else 0 :][-_LONGEST:]
