"""Downloads a page: every hop checked, connected to the very address that was judged, no more bytes than allowed."""

from __future__ import annotations

import socket
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...core.errors import ToolError
from . import urls
from .addresses import is_allowed
from .config import FetchConfig

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession, TCPConnector
    from aiohttp.abc import AbstractResolver
    from yarl import URL

_MOVED = frozenset((301, 302, 303, 307, 308))
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


@dataclass(frozen=True, slots=True)
class Page:
    """What was downloaded, unpacked."""

    url: str
    """Where it was in the end."""
    media_type: str
    encoding: str | None
    body: bytes
    complete: bool
    """False: the body was longer than the limit, and cut."""


async def download(text: str, config: FetchConfig, resolver: AbstractResolver | None = None) -> Page:
    """The page at a URL.

    `resolver`: who is asked for addresses of names; None: the system. Errors: ToolError for what may not be fetched, is
    not there or is not text. A site that is out of order is such a one: `fetch` itself works.
    """
    import aiohttp

    url = urls.parse(text, config)
    headers = {"User-Agent": config.user_agent, "Accept-Encoding": "gzip, deflate", "Accept": "text/*, */*;q=0.5"}
    session = aiohttp.ClientSession(
        connector=_connector(config, resolver),
        auto_decompress=False,  # so that a small body cannot become a large one before it is counted
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=None),  # the caller's deadline counts
    )
    async with session:
        try:
            return await _follow(session, url, config)
        except aiohttp.ClientConnectorDNSError:
            raise ToolError("The host's name has no address.") from None
        except aiohttp.ClientError as error:
            raise ToolError(f"The page could not be read ({type(error).__name__}).") from None


def _connector(config: FetchConfig, resolver: AbstractResolver | None) -> TCPConnector:
    """Its sockets are made for allowed addresses only, whatever stood in the URL and whatever the name resolved to.

    The socket is connected to the same address that is judged here: a name that resolves differently a second time
    gains nothing by it. Addresses are tried one after the other, as trying them at once swallows our error.
    """
    import aiohttp

    def make_socket(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = info
        if not is_allowed(str(address[0]), config.allow_networks):
            raise ToolError("The address is not public, so it is not fetched.")
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(
        resolver=resolver, use_dns_cache=False, force_close=True, happy_eyeballs_delay=None, socket_factory=make_socket
    )


async def _follow(session: ClientSession, url: URL, config: FetchConfig) -> Page:
    for _ in range(config.redirects + 1):
        async with session.get(url, allow_redirects=False) as response:
            if response.status not in _MOVED or "Location" not in response.headers:
                return await _read(response, config)
            url = urls.redirected(url, response.headers["Location"], config)
    raise ToolError(f"The page redirects more than {config.redirects} times.")


async def _read(response: ClientResponse, config: FetchConfig) -> Page:
    if response.status >= 300:
        raise ToolError(f"The site answered with status {response.status}.")
    media_type = response.content_type if "Content-Type" in response.headers else "text/plain"
    if not _is_text(media_type):
        raise ToolError(f"The page is {media_type}, which is no text.")
    body, complete = await _body(response, config.max_bytes)
    return Page(str(response.url), media_type, response.charset, body, complete)


def _is_text(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type.endswith(("/json", "+json", "/xml", "+xml", "/pdf"))


async def _body(response: ClientResponse, limit: int) -> tuple[bytes, bool]:
    """Reads until the limit is passed by what came, or by what it unpacks to."""
    unpack, raw, found = _unpacker(response.headers.get("Content-Encoding", "")), 0, bytearray()
    async for chunk in response.content.iter_chunked(65536):
        raw += len(chunk)
        try:
            found += unpack(chunk, limit + 1 - len(found))
        except zlib.error:
            raise ToolError("The page is packed in a way that cannot be read.") from None
        if len(found) > limit or raw > limit:
            return bytes(found[:limit]), False
    return bytes(found), True


def _unpacker(encoding: str) -> Any:
    """A function from a chunk and the most bytes wanted to at most so many bytes."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return lambda chunk, most: chunk[:most]
    if name not in _WINDOW_BITS:
        raise ToolError(f"The page is packed with {name[:20]!r}, which was not asked for.")
    packed = zlib.decompressobj(_WINDOW_BITS[name])
    return lambda chunk, most: packed.decompress(packed.unconsumed_tail + chunk, most)
