"""Phrases of the training data that the controllers ship too: nothing should be tuned to the letter."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ....controllers.budgeting.block import BudgetBlock
from ....controllers.budgeting.policy import policy_text
from ....controllers.formats.pocket import POCKET
from ....controllers.hinting import cap, prefill, tedious, trust
from ....controllers.hinting.library import hint_library
from ....controllers.methods.deer import DeerParams
from ....controllers.methods.dynasor import DynasorParams
from ....controllers.methods.s1 import S1Params
from ....controllers.methods.trimr import TrimRParams
from ....controllers.strategies.nothinking import PREFILL
from ....controllers.verifying.prompts import PLAIN
from ....core.ledger import Ledger
from ..reasoner import wording
from ..verifier import wording as verifier
from . import arithmetic, endings

_MARKER = "</think>"


class Overlap(msgspec.Struct, frozen=True):
    """One sort of phrase."""

    trained: int
    """Different phrases in the training data."""
    shipped: int
    """Different phrases that the controllers ship by default, or that this report uses."""
    both: list[str]
    """Those that are exactly the same."""


class Results(msgspec.Struct, frozen=True):
    """By sort."""

    sorts: dict[str, Overlap]


def measure() -> Results:
    """Compares the phrases; spaces around them, and the marker that ends thinking, aside."""
    trimr, s1 = TrimRParams(), S1Params()
    shipped_hints = {hint.text for hints in hint_library().values() for hint in hints}
    shipped_hints |= {tedious.TEXT, trust.TEXT, prefill.TEXT, cap.TEXT, s1.text}
    closings = [_around_marker(text)[0] for text in wording.CLOSINGS]
    answers = [_around_marker(text)[1] for text in wording.CLOSINGS]
    qwen3, _ = _around_marker(endings.ENDINGS["Qwen3's"])
    return Results(
        {
            "hints": compare(_trained_hints(), shipped_hints),
            "hint of this report": compare(_trained_hints(), {arithmetic.HINT}),
            "closing phrases": compare(closings, {trimr.mild, trimr.forceful, PREFILL}),
            "closing phrase of this report": compare(closings, {qwen3}),
            "beginnings of an answer": compare(answers, {trimr.mild_answer, s1.final}),
            "probes": compare(wording.PROBES, {DeerParams().probe, DynasorParams().probe}),
            "probes of this report": compare(wording.PROBES, endings.PROBES.values()),
            "reflection words": compare(map(_opening, wording.REFLECTIONS), POCKET.reflection_words),
            "what is said of budgets": compare(
                {*wording.POLICIES, *wording.BUDGET_ENDINGS},
                {policy_text("levels"), policy_text("short"), _budget_ending()},
            ),
            "questions to a verifier": compare(
                {*verifier.EXISTENCE, *verifier.EQUIVALENCE}, {PLAIN.existence, PLAIN.equivalence}
            ),
        }
    )


def _trained_hints() -> set[str]:
    return {
        *(*wording.VERIFY_HINTS, *wording.PYTHON_HINTS, *wording.SEARCH_HINTS, *wording.TRUST_HINTS),
        *(*wording.PYTHON_OPENINGS, *wording.PYTHON_MIDDLES, *wording.VERIFY_MIDDLES),
    }


def _budget_ending() -> str:
    """The last words of a block that says what remains."""
    *_, ending, _ = BudgetBlock(("python",), (), "generic", inflate=0).text(Ledger()).splitlines()
    return ending


def _around_marker(closing: str) -> tuple[str, str]:
    """The phrase before the marker that ends thinking, and what stands behind it."""
    before, _, behind = closing.partition(_MARKER)
    return before, behind


def compare(trained: Iterable[str], shipped: Iterable[str]) -> Overlap:
    """Empty phrases are none. Example: `compare({"Wait", "Hmm"}, {"Wait "}).both == ["Wait"]`."""
    ours, theirs = ({phrase.strip() for phrase in phrases} - {""} for phrases in (trained, shipped))
    return Overlap(len(ours), len(theirs), sorted(ours & theirs))


def _opening(text: str) -> str:
    """The reflection word that it begins with; else its first word."""
    known = (word for word in POCKET.reflection_words if text.startswith(word))
    return next(known, text.split()[0].strip(".,:;!?"))
