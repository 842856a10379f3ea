"""The results that a trajectory has reached so far, and which of them agree: a value, so that it can be gone back to."""

from __future__ import annotations

from typing import NamedTuple

_KEPT = 64
"""Older ones matter no more."""


class Conclusion(NamedTuple):
    """What was concluded at a position. `agrees`: with how many of those that it was compared with; None: not compared."""

    position: int
    text: str | None
    """None: not known, so nothing agrees with it."""
    agrees: int | None = None


class Conclusions(NamedTuple):
    """In the order of their positions. Every verdict finds its own place, so late ones may come in any order."""

    all: tuple[Conclusion, ...] = ()

    def put(self, new: Conclusion) -> Conclusions:
        """With this one, in place of one at the same position."""
        others = [known for known in self.all if known.position != new.position]
        return Conclusions(tuple(sorted([*others, new], key=lambda known: known.position))[-_KEPT:])

    def compared(self, position: int, agrees: int) -> Conclusions:
        """What came of comparing the one at a position."""
        found = next((known for known in self.all if known.position == position), None)
        return self if found is None else self.put(found._replace(agrees=agrees))

    def before(self, position: int, count: int) -> tuple[str, ...]:
        """The last `count` that lie before a position, the newest first; as far back as all are known."""
        texts: list[str] = []
        for known in reversed(self.all):
            if known.position >= position:
                continue
            if known.text is None or len(texts) == count:
                break
            texts.append(known.text)
        return tuple(texts)

    def agreeing(self, position: int) -> int:
        """With how many the one at a position agrees."""
        return next((known.agrees or 0 for known in self.all if known.position == position), 0)

    def run(self, position: int) -> int:
        """How many, one after another and up to this position, agree each with the one before it.

        Example: results A, A, B, A, A give runs of 0, 1, 0, 0, 1.
        """
        length = 0
        for known in reversed(self.all):
            if known.position > position:
                continue
            if not known.agrees:
                break
            length += 1
        return length
