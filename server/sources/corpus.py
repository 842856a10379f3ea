"""The tool `search`, over one corpus."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from ...core.errors import ConfigError
from ...tools.search.config import SearchConfig
from ...tools.search.tool import Search
from ...tools.tool import Tool
from .base import Put

log = logging.getLogger(__name__)


class CorpusSource:
    """Indexes the operator's files while the server starts and serves; the pocket corpus when it is first searched."""

    def __init__(self, config: SearchConfig) -> None:
        """Errors: ConfigError for a path where nothing is."""
        self.name, self._of_files = config.name, config.path is not None
        self._search = Search(SearchConfig(**config.model_dump(include=set(SearchConfig.model_fields))))
        self.tools: tuple[Tool, ...] = (self._search,)
        self._preparing: asyncio.Task[None] | None = None

    def may_offer(self, name: str) -> bool:
        """Nothing more comes."""
        return False

    async def start(self, put: Put) -> None:
        """Nobody waits for the index but those who search."""
        if self._of_files:
            self._preparing = asyncio.create_task(self._prepare())

    async def _prepare(self) -> None:
        try:
            await self._search.prepare()
        except (ConfigError, OSError) as error:
            log.error("the index of %s cannot be made: %s", self.name, error)

    def health(self) -> Mapping[str, Any] | None:
        """Nothing: a search that fails says so."""
        return None

    async def close(self) -> None:
        """Waits for an index that is being written."""
        if self._preparing is not None:
            await asyncio.wait([self._preparing])
