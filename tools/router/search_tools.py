"""`search_tools`: the tool by which a model finds others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from ..result import Result, Status
from ..tool import CallContext, ToolSpec
from .offer import Offer
from .router import Router
from .search_spec import search_spec


class SearchTools:
    """Searches for one conversation: what it finds is added to that conversation's offer."""

    def __init__(self, router: Router, offer: Offer, random: Random | None = None) -> None:
        self._router, self._offer = router, offer
        self._random = random or Random()
        self._spec = search_spec(router.size)

    @property
    def spec(self) -> ToolSpec:
        """What a model is told."""
        return self._spec

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """The tools found, each as a line of JSON with its schema. The caller's log gets the choice."""
        found = self._router.find(
            self._offer, arguments["query"], arguments.get("k", 8), ledger=context.ledger, random=self._random
        )
        if context.on_decision is not None:
            context.on_decision(self._offer.decisions[-1])
        shown = [{"name": s.name, "description": s.description, "parameters": dict(s.parameters)} for s in found]
        lines = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in shown)
        return Result(Status.OK, lines or "No tool matches. Try other words.", structured=shown)

    async def end_session(self, session: str) -> None:
        """Nothing is kept here."""

    async def close(self) -> None:
        """Nothing is held here."""
