"""The `search` tool."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from typing import Any

import msgspec

from ...core.errors import ConfigError, ToolError
from ..arguments import Arguments
from ..corpus_index import CorpusIndex
from ..passages import format_passages
from ..result import Result, Status
from ..tool import CallContext, Effect, ToolSpec
from .config import SearchConfig
from .corpus import Corpus, FolderCorpus, PocketCorpus

_LOG = logging.getLogger(__name__)


class SearchArguments(Arguments):
    """What the model says."""

    query: str


class Search:
    """Passages that share words with a query, the best first.

    The index is made at the first call, or by `prepare`. While it is brought up to date, searches go on in the old one.
    """

    def __init__(self, config: SearchConfig | None = None, corpus: Corpus | None = None) -> None:
        """`corpus`: instead of the one that is configured. Errors: ConfigError for a path where nothing is."""
        self._config = config or SearchConfig()
        self._corpus = corpus or corpus_of(self._config)
        self._index: CorpusIndex | None = None
        self._refresh: asyncio.Task[None] | None = None
        self._refreshed = -math.inf
        self.spec = ToolSpec(
            name=self._config.name,
            description=self._config.description,
            parameters=SearchArguments.parameters(),
            effect=Effect.PURE if self._config.path is None else Effect.READ_ONLY,
        )

    async def prepare(self) -> None:
        """Makes or loads the index, or sees whether files have changed. Errors: ConfigError, OSError."""
        self._index = await asyncio.to_thread(self._corpus.index)
        self._refreshed = asyncio.get_running_loop().time()

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """The passages as text, and with their source as `structured`. Errors: ToolError for an empty query."""
        query = SearchArguments.model_validate(arguments).query
        if not query.strip():
            raise ToolError("The query is empty.")
        self._start_refresh()
        if self._index is None:
            await self._first_index()
        if self._index is None:
            return Result(Status.INFRA, "The documents cannot be searched now.")
        passages = await asyncio.to_thread(self._index.search, query, self._config.k)
        return Result(Status.OK, format_passages(passages), structured=msgspec.to_builtins(passages))

    def _start_refresh(self) -> None:
        due = asyncio.get_running_loop().time() - self._refreshed >= self._config.refresh_s
        fixed = self._index is not None and self._config.path is None
        if due and not fixed and (self._refresh is None or self._refresh.done()):
            self._refresh = asyncio.create_task(self._prepare_or_log())

    async def _first_index(self) -> None:
        assert self._refresh is not None
        await asyncio.shield(self._refresh)  # others wait for it, too

    async def _prepare_or_log(self) -> None:
        try:
            await self.prepare()
        except (ConfigError, OSError) as error:
            _LOG.error("The index of %s cannot be brought up to date: %s", self.spec.name, error)

    async def end_session(self, session: str) -> None:
        """No state is kept."""

    async def close(self) -> None:
        """Waits for an index that is being written."""
        if self._refresh is not None:
            await asyncio.wait([self._refresh])


def corpus_of(config: SearchConfig) -> Corpus:
    """The corpus that is configured. Errors: ConfigError for a path where nothing is."""
    return PocketCorpus() if config.path is None else FolderCorpus(config.path, config)
