"""Which server gets a call: the one that knows its prefix, unless that one is failing or has far more to do."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import Protocol, TypeVar

from ....core.engine import EngineRequest
from .health import Health


class Candidate(Protocol):
    """What the choice looks at."""

    url: str
    health: Health
    in_flight: int


C = TypeVar("C", bound=Candidate)


def affinity_key(request: EngineRequest, tokens: int) -> bytes:
    """The same for calls that share a prefix: their affinity, else their first `tokens` prompt tokens."""
    if request.affinity is not None:
        return request.affinity.encode()
    return array("q", request.ids[:tokens]).tobytes()


def choose(servers: Sequence[C], key: bytes, tried: Collection[C], imbalance: float) -> C | None:
    """Rendezvous hashing with bounded loads; None once every server was tried.

    Each server draws a weight from the key, and the highest wins: when a server leaves, only its own keys move. A
    server with more than `imbalance` times the mean of running calls plus one is passed over. Failing servers are taken
    when no other is left. Example: at 8 and 2 running calls the mean is 5, the bound 1.25 * 5 + 1 = 7.25: the first is
    passed over.
    """
    left = [server for server in servers if server not in tried]
    healthy = [server for server in left if not server.health.failing] or left
    if len(healthy) < 2:
        return healthy[0] if healthy else None
    bound = imbalance * sum(server.in_flight for server in healthy) / len(healthy) + 1
    return max((server for server in healthy if server.in_flight <= bound), key=lambda server: _weight(key, server.url))


def _weight(key: bytes, name: str) -> bytes:
    return blake2b(key, digest_size=8, key=blake2b(name.encode(), digest_size=32).digest()).digest()
