"""Injected hints, and what the model does after each."""

import random
from typing import Literal

from . import wording
from .thinking import Thinker

HintKind = Literal["verify", "python", "search", "nonsense"]
_WEIGHTS: dict[HintKind, float] = {"verify": 0.36, "python": 0.42, "search": 0.07, "nonsense": 0.15}
FENCE = "\n```python\n"


def draw_kind(rng: random.Random) -> HintKind:
    """Which kind of hint comes."""
    return rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]


def wording_of(rng: random.Random, kind: HintKind) -> str:
    """A hint of that kind, in words."""
    match kind:
        case "verify":
            return rng.choice(wording.VERIFY_HINTS)
        case "python":
            return rng.choice(wording.PYTHON_HINTS)
        case "search":
            return rng.choice(wording.SEARCH_HINTS)
        case "nonsense":
            return " ".join(rng.choices(wording.FILLER_WORDS, k=rng.randint(3, 12))).capitalize() + "."


def heed(thinker: Thinker, kind: HintKind, opened: bool) -> None:
    """What the model writes after a hint of that kind."""
    if kind == "python":
        thinker.heed_python(opened)
    elif kind == "search":
        thinker.heed_search()
    else:
        thinker.heed_verify()


def hint_at_end(thinker: Thinker, kind: HintKind | None = None) -> None:
    """A hint where the thinking would have ended; once or several times."""
    rng = thinker.rng
    while True:
        drawn = kind or draw_kind(rng)
        opened = _opens(thinker, drawn)
        before, after = rng.choice((("\n\n", " "), ("\n\n", " "), ("\n", " "), ("\n\n", "\n\n"), ("\n\n", "\n")))
        text = before + wording_of(rng, drawn)
        if opened:
            thinker.scratch.read(text + FENCE)
        else:
            thinker.scratch.read(text + after.strip(" "))
            thinker.scratch.say(after.strip("\n"))
        heed(thinker, drawn, opened)
        if rng.random() >= thinker.behaviour.hint_again:
            return


def hint_at_start(thinker: Thinker) -> None:
    """A hint before the first thought: to use Python, mostly."""
    rng = thinker.rng
    python = rng.random() < 0.7
    text = rng.choice(wording.PYTHON_OPENINGS) if python else wording_of(rng, rng.choice(("verify", "nonsense")))
    opened = python and _opens(thinker, "python")
    thinker.scratch.read(text + (FENCE if opened else rng.choice(("\n", " ", "\n\n"))))
    if python and thinker.problem.code is not None:
        thinker.compute(opened)
    else:
        thinker.attempt()


def hint_in_middle(thinker: Thinker) -> None:
    """A hint right after a reflection word that the model wrote."""
    rng, scratch = thinker.rng, thinker.scratch
    python = rng.random() < 0.6
    scratch.say("\n\n" + rng.choice(("Wait", "Alternatively", "Hmm")))
    scratch.read(rng.choice(wording.PYTHON_MIDDLES if python else wording.VERIFY_MIDDLES))
    opened = python and _opens(thinker, "python")
    if opened:
        scratch.read(FENCE)
    else:
        scratch.say(" ")
    heed(thinker, "python" if python else "verify", opened)


def _opens(thinker: Thinker, kind: HintKind) -> bool:
    """Whether the hint itself opens a code block."""
    fits = kind == "python" and thinker.problem.code is not None
    return fits and thinker.rng.random() < thinker.behaviour.open_fence
