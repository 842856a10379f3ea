"""The server in this process, without a port: for evaluation and examples."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from .app import build_app
from .config import load_config


@asynccontextmanager
async def local_client(model: str, engine_args: Mapping[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose base URL ends in /v1, of a server that lives as long as the context.

    Errors: ConfigError when the model cannot be served.
    """
    config = load_config(None, {"model": {"path": model}, "engine": {"args": dict(engine_args)}})
    app = build_app(config)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://flyball.local/v1", timeout=None) as client:
            yield client
