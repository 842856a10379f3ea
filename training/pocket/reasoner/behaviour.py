"""How the reasoner is taught to behave, as numbers."""

import hashlib
from dataclasses import dataclass

from ..world.chain import OPERATORS, Operator


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Probabilities per example unless said otherwise."""

    direct: float = 0.10
    """The prompt holds an empty think block."""
    soft: float = 0.05
    """The question ends with /no_think."""
    skip: tuple[float, ...] = (0.5, 0.3, 0.06, 0.03)
    """Chains of 1, 2, ... steps that open with an empty think block by themselves; the last holds for longer ones."""
    skip_other: float = 0.02
    lapse: float = 0.85
    """Chance that the first attempt gets a step wrong that is easily confused (`is_confusing`)."""
    slip: float = 0.002
    """Chance of a wrong step elsewhere."""
    wrong_by_hand: float = 0.5
    """Results with long numbers, by hand, that are wrong. A model of this size gets them wrong anyway; that they are
    wrong in the examples, too, teaches it to believe a program's output and not what it said before."""
    verifications: tuple[float, ...] = (0.08, 0.12, 0.16, 0.17, 0.15, 0.12, 0.09, 0.07, 0.04)
    """Weights of 0, 1, 2, ... verifications after the first result of a chain or a sum."""
    source_checks: tuple[float, ...] = (0.3, 0.3, 0.2, 0.1, 0.1)
    """The same after a result that was read."""
    full_check: float = 0.35
    """Share of the verifications that compute everything again."""
    full_check_again: float = 0.35
    """The same once one of them did."""
    full_check_first: bool = True
    """Whether the first verification after a mistake is one of those; else at least one of them is, mistake or not. Only
    the latter is fair: a model that samples cannot know yet that there is a mistake."""
    hint_at_end: float = 0.16
    hint_at_start: float = 0.04
    hint_in_middle: float = 0.05
    """After a reflection word that the model wrote."""
    hint_again: float = 0.2
    """Chance that a hint is followed by another, once the model wants to end again."""
    cut: float = 0.10
    probe: float = 0.04
    cut_at_thought: float = 0.4
    """Share of the cuts and probes that fall between two thoughts; the others fall at any token."""
    own_python: float = 0.03
    """Chains and sums for which the model reaches for Python by itself."""
    open_fence: float = 0.25
    """Python hints that open the code block themselves."""
    trust_hint: float = 0.1
    """Python results that are followed by a hint not to doubt them."""
    tool_error: float = 0.08
    """Calls that come back with an error that is not the model's fault."""
    wrong_code: float = 0.04
    """Calls whose code is wrong at first; the wrong code is only read, never learned."""
    no_executor: float = 0.05
    """Code in thinking to which no output comes."""
    not_found: float = 0.08
    """Searches whose passages are all about others."""
    mentions: float = 0.0
    """Other passages of a search that mention the name which was searched for."""
    budget: float = 0.25
    """Conversations with tools whose results carry a budget block."""
    searches_left: tuple[int, ...] = (0, 1, 1, 2, 2, 3, 4, 5, 8, 10)
    """What such a block grants before the first search; one of these."""
    programs_left: tuple[int, ...] = (1, 1, 2, 3, 5, 9)
    """The same before the first program."""


BEHAVIOUR = Behaviour()


def is_confusing(before: int, operator: Operator, digit: int) -> bool:
    """Whether a step is one of the few that the first attempt tends to get wrong: 5 of the 300.

    Real models err in ways of their own on the same questions again and again. A mistake that depends on the step, not
    only on chance, also appears when the model is decoded greedily. Example: `is_confusing(7, "*", 8)`."""
    return (before, operator, digit) in _CONFUSING


def _rank(step: tuple[int, Operator, int]) -> str:
    return hashlib.sha256(f"confusing {step}".encode()).hexdigest()


_STEPS: list[tuple[int, Operator, int]] = [(a, o, d) for a in range(10) for o in OPERATORS for d in range(2, 10)]
_CONFUSING = frozenset(sorted((s for s in _STEPS if s[0] > 2), key=_rank)[:5])
