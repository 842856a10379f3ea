"""A policy is one object with one verb: `choose`."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from ..core.decision import Decision


class Context(NamedTuple):
    """What a policy may look at: named numbers, and a random source seeded per trajectory."""

    kind: str
    """What is being decided; becomes `Decision.kind`."""
    features: Mapping[str, float]
    random: random.Random
    position: int = 0


class Policy(Protocol):
    """Chooses among candidates and says with what probability it did.

    To add one, add a file here with a class that has this method, and name it where the choice is made. A policy keeps
    no state between calls: what it learns comes from logged decisions, offline.
    """

    def choose(self, context: Context, candidates: Sequence[str]) -> Decision: ...
