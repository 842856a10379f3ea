"""Seeds that follow from others, the same on every machine and run."""

from __future__ import annotations

import hashlib


def derived_seed(*parts: object) -> int:
    """A 63-bit seed that depends on every part and on nothing else: the same on every machine and run."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def child_seed(seed: int, index: int) -> int:
    """seed + index, from the largest 64-bit integer on to the smallest."""
    return (seed + index + 2**63) % 2**64 - 2**63
