"""A question of the world, the split that owns it, and its exact grader."""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal, get_args

VERSION = "world-v1"

Kind = Literal["chain", "big", "one_hop", "two_hop", "lookup_chain", "pair"]
"""chain: digits modulo 10; big: sums and products of long numbers; the others need the documents: one fact, a fact of
a fact, a fact and then a chain, two facts and their sum."""
KINDS: tuple[Kind, ...] = get_args(Kind)
LOOKUPS: tuple[Kind, ...] = ("one_hop", "two_hop", "lookup_chain", "pair")

Split = Literal["train", "validation", "test"]
Shares = dict[Split, range]
PERCENT: Shares = {"test": range(10), "validation": range(10, 15), "train": range(15, 100)}
"""Which hashes, modulo 100, belong to which split."""

UNKNOWN = "unknown"
"""The answer of a model that cannot know."""

_BOXED = re.compile(r"\\boxed\{\s*([^{}]*?)\s*\}")


@dataclass(frozen=True, slots=True)
class Question:
    """A question in English with its answer and its difficulty.

    The difficulty is the number of steps of a chain, the digits of the longest operand of a big one, the number of
    passages that must be read of one_hop, two_hop and pair, and the steps after the lookup of a lookup_chain."""

    kind: Kind
    text: str
    answer: str
    difficulty: int

    @property
    def id(self) -> str:
        """A stable name made from the text."""
        return f"{self.kind}-{hashlib.sha256(self.text.encode()).hexdigest()[:16]}"


def split_of(key: str, shares: Shares = PERCENT) -> Split:
    """The split that owns a canonical form, by its hash: all paraphrases of one question go to one split."""
    percent = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % 100
    return next(split for split, owned in shares.items() if percent in owned)


def boxed(text: str) -> str | None:
    r"""The content of the last `\boxed{...}`, or None."""
    found = _BOXED.findall(text)
    return found[-1] if found else None


def grade(text: str, answer: str) -> bool:
    r"""Whether the last `\boxed{...}` in the text equals the answer; False when there is none."""
    return boxed(text) == answer
