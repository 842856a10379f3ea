"""Which episodes are kept where not all are."""

from __future__ import annotations

import hashlib


def sampled(id: str, rate: float) -> bool:
    """Whether an episode is among the kept share: drawn from its id alone, so that every replica says the same.

    Example: at a rate of 0.1 a tenth of all ids, which are among those at 0.2, too.
    """
    drawn = int.from_bytes(hashlib.sha256(id.encode()).digest()[:8], "big")
    return drawn < rate * 2**64
