"""Runs the application under uvicorn, and drains it on SIGTERM."""

from __future__ import annotations

import gc
import socket
import sys
from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..core.errors import FlyballError
from .config import Config


class _SaysWhy:
    """Of a start that fails on purpose uvicorn logs the reason, not the way through the code."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def brief(message: Message) -> None:
            error = sys.exception()
            if message["type"] == "lifespan.startup.failed" and isinstance(error, FlyballError):
                message = {**message, "message": str(error)}
            await send(message)

        await self._app(scope, receive, brief if scope["type"] == "lifespan" else send)


class DrainingServer(uvicorn.Server):
    """Refuses new requests as soon as a signal asks for the end; what runs may finish within the drain time."""

    def __init__(self, app: FastAPI, config: Config, log_level: str) -> None:
        self._app = app
        super().__init__(
            uvicorn.Config(
                _SaysWhy(app),
                host=config.server.host,
                port=config.server.port,
                log_level=log_level,
                access_log=False,
                timeout_graceful_shutdown=config.server.drain_seconds,
                timeout_keep_alive=75,
                server_header=False,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is loaded by now stays: a full collection would walk all of it, again and again, between two tokens.
        gc.collect()
        gc.freeze()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        service = getattr(self._app.state, "service", None)
        if service is not None:
            service.admission.draining = True
        super().handle_exit(sig, frame)


def run(app: FastAPI, config: Config, *, log_level: str = "info") -> bool:
    """Serve until a signal; False when the application did not start."""
    server = DrainingServer(app, config, log_level)
    server.run()
    return server.started
