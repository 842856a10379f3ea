"""The `web_search` tool."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from ...core.errors import ToolError
from ..arguments import Arguments
from ..result import Result, Status, Usage
from ..tool import CallContext, Effect, ToolSpec
from .config import WebSearchConfig
from .filling import fill, fill_json

if TYPE_CHECKING:
    from aiohttp import ClientResponse

_LOG = logging.getLogger(__name__)


class WebSearchArguments(Arguments):
    """What the model says."""

    query: str


class _EngineFailed(Exception):
    """The search engine cannot be used; the text holds nothing that was sent, as a key may be among it."""


class WebSearch:
    """Asks a search engine. It goes where the operator says and follows no redirect, which could take the key along."""

    def __init__(self, config: WebSearchConfig) -> None:
        """Errors: ConfigError when the key's environment variable is unset."""
        self._config = config
        self._key = config.key()
        self.spec = ToolSpec(
            name="web_search",
            description="Searches the web; gives titles, addresses and extracts of pages.",
            parameters=WebSearchArguments.parameters(),
            effect=Effect.READ_ONLY,
            usd=config.usd,
            timeout=config.timeout_s + 1,  # our own deadline, which can say more, comes first
        )

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """The results as text and `structured`. Errors: ToolError for an empty query."""
        query = WebSearchArguments.model_validate(arguments).query.strip()
        if not query:
            raise ToolError("The query is empty.")
        usage = Usage(usd=self._config.usd)
        try:
            async with asyncio.timeout(self._config.timeout_s):
                found = self._results(await self._ask(query))
        except TimeoutError:
            return Result(Status.TIMEOUT, f"The search engine took longer than {self._config.timeout_s:g} seconds.")
        except _EngineFailed as failed:
            _LOG.warning("web_search: %s", failed)
            return Result(Status.INFRA, f"The web cannot be searched now: {failed}", usage=usage)
        return Result(Status.OK, _shown(found), structured=found, usage=usage)

    async def _ask(self, query: str) -> Any:
        import aiohttp

        values = {"query": query, "k": str(self._config.k), "key": self._key.get_secret_value()}
        body = None if self._config.body is None else fill_json(self._config.body, values)
        headers = {name: fill(value, values) for name, value in self._config.headers.items()}
        url = fill(self._config.url, values, quote_plus)
        method = "GET" if body is None else "POST"
        no_limit = aiohttp.ClientTimeout(total=None)  # the caller's deadline counts
        try:
            async with (
                aiohttp.ClientSession(timeout=no_limit, cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.request(method, url, json=body, headers=headers, allow_redirects=False) as response,
            ):
                return await self._answer(response)
        except (aiohttp.ClientError, ValueError, RecursionError) as error:  # the latter two: what came is no JSON
            raise _EngineFailed(type(error).__name__) from None

    async def _answer(self, response: ClientResponse) -> Any:
        if response.status != 200:
            raise _EngineFailed(f"the search engine answered with status {response.status}")
        body = bytearray()
        async for chunk in response.content.iter_chunked(65536):
            body += chunk
            if len(body) > self._config.max_bytes:
                raise _EngineFailed(f"the answer is longer than {self._config.max_bytes} bytes")
        return json.loads(body)

    def _results(self, answer: Any) -> list[dict[str, str]]:
        import jmespath

        try:
            found = jmespath.search(self._config.results, answer) or []
        except jmespath.exceptions.JMESPathError as error:
            raise _EngineFailed(f"the answer has another form ({type(error).__name__})") from None
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise _EngineFailed("the answer has another form")
        results = [{name: _text(one.get(name)) for name in ("title", "url", "text")} for one in found]
        cut = [{**one, "text": one["text"][: self._config.text_characters]} for one in results]
        return [one for one in cut if one["url"]][: self._config.k]

    async def end_session(self, session: str) -> None:
        """No state is kept."""

    async def close(self) -> None:
        """Nothing is held."""


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _shown(results: list[dict[str, str]]) -> str:
    """Example: "[1] Ostrel (https://ostrel.example/): A harbour town."."""
    lines = (f"[{number}] {one['title']} ({one['url']}): {one['text']}" for number, one in enumerate(results, 1))
    return "\n".join(lines) or "No result found."
