"""A web server on this machine, and a resolver that says what a test wants."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

Page = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class Site:
    """A running server; `asked` holds the path and the Host header of every request."""

    port: int
    asked: list[tuple[str, str]] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@asynccontextmanager
async def serving(pages: Mapping[str, Page], addresses: tuple[str, ...] = ("127.0.0.1",)) -> AsyncIterator[Site]:
    """A site with these pages, on one port of all these addresses."""
    site = Site(0)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        site.asked.append((request.path, request.headers["Host"]))
        page = pages.get(request.path)
        return await page(request) if page else web.Response(status=404)

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=1)
    await runner.setup()
    try:
        for address in addresses:
            listener = web.TCPSite(runner, address, site.port, reuse_address=True)
            await listener.start()
            site.port = runner.addresses[0][1]
        yield site
    finally:
        await runner.cleanup()


def text(body: str, content_type: str = "text/plain") -> Page:
    async def page(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=body, content_type=content_type)

    return page


def raw(body: bytes, **headers: str) -> Page:
    async def page(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body, headers={key.replace("_", "-"): value for key, value in headers.items()})

    return page


def redirect(target: str, status: int = 302) -> Page:
    async def page(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": target})

    return page


class Names(AbstractResolver):
    """Answers a name's first question with its first address, the second with its second, and so on."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = {name.replace("_", "."): found for name, found in answers.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if not self.answers.get(host):
            raise OSError(f"no address for {host}")
        address = self.answers[host].pop(0)
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
        ]

    async def close(self) -> None:
        """Nothing is held."""
