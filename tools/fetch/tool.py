"""The `fetch` tool."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ...core.errors import ToolError
from ..arguments import Arguments
from ..result import Result, Status
from ..tool import CallContext, Effect, ToolSpec
from .config import FetchConfig
from .download import Page, download
from .reading import read_page

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver


class FetchArguments(Arguments):
    """What the model says."""

    url: str = Field(description="http:// or https://")
    start: int = Field(default=0, ge=0, description="The character to begin at, when an earlier call was cut.")


class Fetch:
    """The readable text of a page or PDF."""

    def __init__(self, config: FetchConfig | None = None, resolver: AbstractResolver | None = None) -> None:
        self._config = config or FetchConfig()
        self._resolver = resolver
        self.spec = ToolSpec(
            name="fetch",
            description="Reads a page of the web and returns its text.",
            parameters=FetchArguments.parameters(),
            effect=Effect.READ_ONLY,
            timeout=self._config.timeout_s + 1,  # so that our own deadline, which can say more, comes first
        )

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """The text from `start` on. Errors: ToolError for a page that may not be fetched or is not there."""
        wanted = FetchArguments.model_validate(arguments)
        try:
            async with asyncio.timeout(self._config.timeout_s):
                page = await download(wanted.url, self._config, self._resolver)
                text = await read_page(page, self._config)
        except TimeoutError:
            return Result(Status.TIMEOUT, f"The page was not read within {self._config.timeout_s:g} seconds.")
        return Result(Status.OK, self._shown(page, text, wanted.start), structured={"url": page.url})

    def _shown(self, page: Page, text: str, start: int) -> str:
        if not text:
            raise ToolError("The page has no text.")
        if start >= len(text):
            raise ToolError(f"The page's text has {len(text)} characters only.")
        end = start + self._config.max_characters
        notes = [f"[cut here: call again with start={end} for the rest]"] if end < len(text) else []
        if not page.complete:
            notes.append(f"[the page is longer than {self._config.max_bytes} bytes; the rest was not read]")
        return "\n".join([text[start:end], *notes])

    async def end_session(self, session: str) -> None:
        """No state is kept."""

    async def close(self) -> None:
        """Nothing is held."""
