"""Phrases of the training data that the controllers ship too: nothing should be tuned to the letter."""

from __future__ import annotations

import msgspec

from ....controllers.formats.pocket import POCKET
from ....controllers.hinting.library import hint_library
from ..reasoner import wording
from . import arithmetic, endings


class Overlap(msgspec.Struct, frozen=True):
    """One sort of phrase."""

    trained: int
    """Different phrases in the training data."""
    shipped: int
    """Different phrases that the controllers ship, or that this report uses where they ship none."""
    both: list[str]
    """Those that are exactly the same."""


class Results(msgspec.Struct, frozen=True):
    """By sort."""

    sorts: dict[str, Overlap]


def measure() -> Results:
    """Compares the phrases, spaces around them aside."""
    hints = {hint.text for hints in hint_library().values() for hint in hints}
    think = POCKET.think
    assert think is not None
    return Results(
        {
            "hints": compare({*wording.VERIFY_HINTS, *wording.PYTHON_HINTS}, hints),
            "hint of this report": compare({*wording.VERIFY_HINTS, *wording.PYTHON_HINTS}, {arithmetic.HINT}),
            "closing phrases": compare(set(wording.CLOSINGS), {think.close_text}),
            "closing phrases of this report": compare(set(wording.CLOSINGS), {endings.ENDINGS["Qwen3's"]}),
            "probes of this report": compare(set(wording.PROBES), set(endings.PROBES.values())),
            "reflection words": compare({_opening(text) for text in wording.REFLECTIONS}, set(POCKET.reflection_words)),
        }
    )


def compare(trained: set[str], shipped: set[str]) -> Overlap:
    """Example: `compare({"Wait", "Hmm"}, {"Wait "}).both == ["Wait"]`."""
    ours, theirs = ({phrase.strip() for phrase in phrases} for phrases in (trained, shipped))
    return Overlap(len(ours), len(theirs), sorted(ours & theirs))


def _opening(text: str) -> str:
    """The reflection word that it begins with; else its first word."""
    known = (word for word in POCKET.reflection_words if text.startswith(word))
    return next(known, text.split()[0].strip(".,:;!?"))
