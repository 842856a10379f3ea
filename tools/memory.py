"""Tools that can say how much memory they keep for sessions."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from .tool import Tool

logger = logging.getLogger(__name__)


@runtime_checkable
class KeepsMemory(Protocol):
    """What a tool may be besides: sessions are then evicted by memory, too."""

    def memory(self) -> Mapping[str, int]:
        """Bytes that are kept, by the session's key."""


def memory_of(tools: Iterable[Tool]) -> dict[str, int]:
    """Bytes by the session's key, of all those that say so together.

    Example: of tools with {"a": 1} and {"a": 2, "b": 3}, {"a": 3, "b": 3}.
    """
    total: Counter[str] = Counter()
    for tool in tools:
        if isinstance(tool, KeepsMemory):
            try:
                total.update(tool.memory())
            except Exception:  # others' code, which may raise anything; what it keeps is then not known
                logger.exception("tool %s cannot say what it keeps", tool.spec.name)
    return dict(total)
