"""Questions by kind, and the named sets that mix them."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .big import MAX_DIGITS, MIN_DIGITS, ask_big, draw_big
from .chain import MAX_STEPS, ask_chain, draw_chain
from .documents import encyclopedia
from .lookup import MAX_OPERATIONS, ask_lookup
from .question import KINDS, VERSION, Kind, Question, Split


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a set: questions of one kind, their difficulties drawn evenly (the kind's own when empty)."""

    share: float
    kind: Kind
    difficulties: tuple[int, ...] = ()


SETS: Mapping[str, tuple[Part, ...]] = {
    "mixed": (Part(0.4, "chain"), Part(0.3, "big"), Part(0.2, "one_hop"), Part(0.1, "two_hop")),
    "easy_heavy": (Part(0.85, "chain", (1, 2)), Part(0.15, "chain", tuple(range(6, MAX_STEPS + 1)))),
    **{kind: (Part(1.0, kind),) for kind in KINDS},
}
"""The named sets, and each kind as a set of its own."""

DIFFICULTIES: Mapping[Kind, tuple[int, ...]] = {
    "chain": tuple(range(1, MAX_STEPS + 1)),
    "big": tuple(range(MIN_DIGITS, MAX_DIGITS + 1)),
    "one_hop": (1,),
    "two_hop": (2,),
    "lookup_chain": tuple(range(1, MAX_OPERATIONS + 1)),
    "pair": (2,),
}


def draw_question(rng: random.Random, kind: Kind, split: Split, difficulty: int) -> Question:
    """One question of that kind and difficulty that belongs to the split."""
    match kind:
        case "chain":
            return ask_chain(rng, draw_chain(rng, split, difficulty)).question
        case "big":
            return ask_big(rng, draw_big(rng, split, difficulty)).question
        case _:
            while True:
                asked = ask_lookup(rng, encyclopedia(), kind, difficulty)
                if asked.split == split:
                    return asked.question


def stream(name: str, split: Split, seed: int, difficulties: tuple[int, ...] = ()) -> Iterator[Question]:
    """An endless, reproducible stream of a set's questions; `difficulties` replaces those of every part.

    Raises ValueError for an unknown set, or a difficulty that a kind of the set does not have."""
    parts = _parts(name, difficulties)
    rng = random.Random(f"{VERSION}/{name}/{split}/{seed}")
    while True:
        part = rng.choices(parts, [p.share for p in parts])[0]
        yield draw_question(rng, part.kind, split, rng.choice(part.difficulties))


def questions(name: str, split: Split, n: int, seed: int = 0, difficulties: tuple[int, ...] = ()) -> list[Question]:
    """`n` questions of a set, no text twice. Example: `questions("mixed", "test", 1000)`.

    Raises ValueError as `stream` does, and when the set has fewer than `n` questions in the split."""
    found: dict[str, Question] = {}
    for tried, question in enumerate(stream(name, split, seed, difficulties), 1):
        found.setdefault(question.text, question)
        if len(found) == n:
            return list(found.values())
        if tried > 100 * n + 1000:
            raise ValueError(f"{name}/{split} has no {n} different questions, only about {len(found)}")
    raise AssertionError("the stream never ends")


def _parts(name: str, difficulties: tuple[int, ...]) -> list[Part]:
    if name not in SETS:
        raise ValueError(f"there is no set {name!r}; there are {', '.join(SETS)}")
    parts = []
    for part in SETS[name]:
        chosen = difficulties or part.difficulties or DIFFICULTIES[part.kind]
        if wrong := set(chosen) - set(DIFFICULTIES[part.kind]):
            raise ValueError(f"{part.kind} has no difficulty {min(wrong)}, only {list(DIFFICULTIES[part.kind])}")
        parts.append(Part(part.share, part.kind, chosen))
    return parts
