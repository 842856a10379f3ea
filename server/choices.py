"""Which of the server's tools the model of a request is told of."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from ..core.decision import Decision
from ..core.errors import RequestError
from ..core.ledger import Ledger
from ..policies.best_first import BestFirst
from ..tools.registry import Registry
from ..tools.router.hybrid import make_retriever
from ..tools.router.offer import Offer
from ..tools.router.retriever import Hit, Retriever
from ..tools.router.router import Router
from ..tools.router.search_spec import SEARCH_TOOLS
from ..tools.router.search_tools import SearchTools
from ..tools.tool import Tool, ToolSpec
from ..tools.wrappers.stack import stacked
from .tool_sections import ToolsSection

EVERY = "*"
"""Names all of the server's tools."""
_ROUTERS = 16
"""Routers kept for requests that name the same tools."""


class Asked(NamedTuple):
    """What a request says that matters for the choice."""

    query: str
    """What its user asked last."""
    ledger: Ledger
    random: Random
    conversation: str | None = None
    """The key of the client's session: what was offered earlier in it is offered again. None: nothing is known."""


class Choice(NamedTuple):
    """The tools of a request, and those of them that the model is told of at the start; None: all."""

    tools: Mapping[str, Tool]
    offered: tuple[ToolSpec, ...] | None = None
    decisions: tuple[Decision, ...] = ()


def with_brought(choice: Choice, brought: Sequence[Tool]) -> Choice:
    """The choice with tools that the request brought along: the model is told of all of them. Errors: RequestError."""
    own = {tool.spec.name: tool for tool in brought}
    if both := own.keys() & choice.tools.keys():
        raise RequestError(f"the tool {min(both)!r} is there already; give the MCP server another name", "flyball.mcp")
    offered = choice.offered and (*choice.offered, *(tool.spec for tool in brought))
    return Choice({**choice.tools, **own}, offered, choice.decisions)


class Choices:
    """Tells all while they are few. Of many, a Router chooses, and `search_tools` is among what is told.

    An index of ten thousand tools takes a second: it is made by `prepare`, in a thread, and used until the next is there.
    """

    def __init__(self, tools: Registry, config: ToolsSection) -> None:
        self._tools, self._config = tools, config
        self._every: Router | None = None
        self._number = 0
        self._retriever: Retriever | None = None
        self._routers: OrderedDict[tuple[str, ...], Router] = OrderedDict()
        self._offers: OrderedDict[str, Offer] = OrderedDict()

    async def prepare(self) -> None:
        """Takes notice of the tools as they are. Errors: ConfigError for an encoder that cannot be loaded."""
        specs, retriever = self._tools.specs(), None
        self._number += 1
        number = self._number
        if len(specs) > self._config.few:
            retriever = await asyncio.to_thread(make_retriever, specs, self._config.encoder)
        if number == self._number:  # else the tools have changed meanwhile, and a later call knows better
            self._retriever = retriever
            self._every = self._router(specs, retriever)
            self._routers.clear()

    async def search(self, query: str, k: int) -> list[Hit]:
        """The tools that fit a query, the best first."""
        retriever = self._retriever
        if retriever is None:
            encoder = self._config.encoder
            retriever = self._retriever = await asyncio.to_thread(make_retriever, self._tools.specs(), encoder)
        return [hit for hit in await asyncio.to_thread(retriever.search, query, k) if hit.name in self._tools]

    def choose(self, names: Sequence[str], asked: Asked) -> Choice:
        """What a request that names these tools is told, which are all known; `*` stands for every one."""
        every = EVERY in names
        tools = dict(self._tools) if every else {name: self._tools[name] for name in names}
        if len(tools) <= self._config.few:
            return Choice(tools)
        router = self._every if every else self._of_some(tuple(names))
        assert router is not None  # requests come after the start
        earlier = self._offers.get(asked.conversation or "")
        offer = router.open(
            asked.query, ledger=asked.ledger, random=asked.random, earlier=earlier.names if earlier else ()
        )
        if asked.conversation is not None:
            self._remember(asked.conversation, offer)
        tools[SEARCH_TOOLS] = stacked(SearchTools(router, offer, asked.random))
        offered = tuple(spec for spec in offer.specs if spec.name in tools)
        return Choice(tools, offered, tuple(offer.decisions))

    def forget(self, conversation: str) -> None:
        """A session has ended."""
        self._offers.pop(conversation, None)

    def _remember(self, conversation: str, offer: Offer) -> None:
        self._offers[conversation] = offer
        self._offers.move_to_end(conversation)
        while len(self._offers) > self._config.max_sessions:
            self._offers.popitem(last=False)

    def _of_some(self, names: tuple[str, ...]) -> Router:
        if names not in self._routers:
            self._routers[names] = self._router([self._tools[name].spec for name in names])
            if len(self._routers) > _ROUTERS:
                self._routers.popitem(last=False)
        self._routers.move_to_end(names)
        return self._routers[names]

    def _router(self, specs: Sequence[ToolSpec], retriever: Retriever | None = None) -> Router:
        config = self._config
        return Router(specs, few=config.few, room=config.room, retriever=retriever, policy=BestFirst(config.explore))
