"""Decides which tools a model is offered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

from ...core.errors import ConfigError
from ...core.ledger import USD, Ledger, tool_calls
from ...policies.base import Context, Policy
from ...policies.best_first import ROOM, BestFirst
from ..tool import ToolSpec
from .lexical import LexicalIndex
from .offer import Offer
from .retriever import Hit, Retriever
from .search_spec import SEARCH_TOOLS, search_spec

_POOL = 4
"""The policy chooses among so many times as many tools as there is room for."""


class Router:
    """Offers all tools while they are few; of many, those that fit the question, and `search_tools` to find others.

    `few`: up to so many are all offered. `room`: how many of many are offered at the start. `retriever` finds among
    many; None: BM25. What is offered is the choice of `policy`, among candidates that come best first.
    For other tools, build another router. Errors: ConfigError when, of many, one is itself named search_tools.

    Example: a router of 10,000 tools offers "What is the weather in Oslo?" the tool search_tools and 8 others.
    """

    def __init__(
        self,
        specs: Iterable[ToolSpec],
        *,
        few: int = 40,
        room: int = 8,
        retriever: Retriever | None = None,
        policy: Policy | None = None,
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self.size = len(self._specs)
        self.searches = self.size > few
        self._few, self._room = few, room
        self._policy = policy or BestFirst()
        self._retriever: Retriever | None = None
        if self.searches:
            if SEARCH_TOOLS in self._specs:
                raise ConfigError(f"the name {SEARCH_TOOLS!r} is taken: it finds the tools that are not offered")
            self._retriever = retriever or LexicalIndex(self._specs.values())
            self._specs = {SEARCH_TOOLS: search_spec(self.size), **self._specs}

    def open(
        self,
        query: str,
        *,
        ledger: Ledger | None = None,
        random: Random | None = None,
        earlier: Sequence[str] = (),
    ) -> Offer:
        """What a conversation is offered; `query` is what its user asked last.

        `earlier`: the names that an earlier request of the same conversation offered. They are offered again and no
        new choice is made. Else it is made among tools that the ledger still has a call and the price for.
        """
        offer = Offer(self._specs, earlier)
        if not offer.names:
            if self.searches:
                offer = Offer(self._specs, [SEARCH_TOOLS])
            self._choose(
                offer, query, self._room if self.searches else self._few, ledger or Ledger(), random or Random()
            )
        return offer

    def find(self, offer: Offer, query: str, k: int, *, ledger: Ledger, random: Random) -> list[ToolSpec]:
        """At most `k` tools for a query of the model's own; they are offered from here on."""
        return self._choose(offer, query, k, ledger, random)

    def _choose(self, offer: Offer, query: str, room: int, ledger: Ledger, random: Random) -> list[ToolSpec]:
        found = self._found(query, room * _POOL)
        affordable = [hit for hit in found if _affordable(self._specs[hit.name], ledger)]
        features = {"tools": float(self.size), ROOM: float(room)}
        if self.searches:
            features |= {f"score.{hit.name}": hit.score for hit in affordable}
        return offer.add(self._policy.choose(Context("tools", features, random), [hit.name for hit in affordable]))

    def _found(self, query: str, k: int) -> list[Hit]:
        if self._retriever is None:
            return [Hit(name, 0.0) for name in self._specs]
        return self._retriever.search(query, k)


def _affordable(spec: ToolSpec, ledger: Ledger) -> bool:
    return ledger.remaining(tool_calls(spec.name)) >= 1 and ledger.remaining(USD) >= spec.usd
