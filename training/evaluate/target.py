"""Where the requests go: a server by its URL, or Flyball's own, started in this process."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

from ...core.errors import ConfigError

if TYPE_CHECKING:
    import httpx


@asynccontextmanager
async def remote_server(url: str, api_key_env: str | None, concurrency: int) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the OpenAI-compatible server at `url`, which ends in /v1. Errors: ConfigError."""
    import httpx

    headers = {} if api_key_env is None else {"Authorization": f"Bearer {_key(api_key_env)}"}
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    try:
        client = httpx.AsyncClient(base_url=url, headers=headers, limits=limits)
    except (httpx.InvalidURL, ValueError) as error:
        raise ConfigError(f"--url: {error}") from error
    async with client:
        yield client


def _key(variable: str) -> str:
    key = os.environ.get(variable)
    if not key:
        raise ConfigError(f"the environment variable {variable} holds no API key")
    return key


def local_server(model: str, engine_args: Mapping[str, Any]) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """A client of Flyball's own server, which serves `model` in this process while the context is open."""
    from ...server.local import local_client  # type: ignore[import-not-found, unused-ignore]

    client: AbstractAsyncContextManager[httpx.AsyncClient] = local_client(model, dict(engine_args))
    return client


async def only_model(client: httpx.AsyncClient) -> str:
    """The name of the one model that is served. Errors: ConfigError when there is not exactly one."""
    import httpx

    try:
        response = await client.get("models", timeout=60)
        response.raise_for_status()
        names = [str(model["id"]) for model in response.json()["data"]]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"the server does not say which models it has ({error}); give --model") from error
    if len(names) != 1:
        raise ConfigError(f"the server has {len(names)} models; give --model: {', '.join(names)}")
    return names[0]
