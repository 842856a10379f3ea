"""What a hostile model or page cannot get out of `fetch`. The server stands on addresses that must not be reached."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from flyball.core.errors import ToolError
from flyball.tools.fetch.config import FetchConfig
from flyball.tools.fetch.tool import Fetch
from flyball.tools.result import Status
from flyball.tools.tool import CallContext

from ..documents import files
from .site import Names, Site, raw, redirect, serving, text

CONTEXT = CallContext("s")
SECRET = {"/": text("secret"), "/secret": text("secret")}


@pytest.fixture
async def inside() -> AsyncIterator[Site]:
    """A server that only this machine should reach, on both families."""
    async with serving(SECRET, ("127.0.0.1", "::1")) as site:
        yield site


def fetch(port: int, resolver: Names | None = None, **settings: object) -> Fetch:
    return Fetch(FetchConfig.model_validate({"ports": (port, 80, 443), **settings}), resolver)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://LOCALHOST.:{port}/",
        "http://127.1:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f000001:{port}/",
        "http://0x7f.0.0.1:{port}/",
        "http://0177.0.0.1:{port}/",
        "http://017700000001:{port}/",
        "http://0:{port}/",
        "http://0.0.0.0:{port}/",
        "http://①②⑦.⓪.⓪.①:{port}/",
        "http://127。0。0。1:{port}/",
        "http://%31%32%37.0.0.1:{port}/",
        "http://[::1]:{port}/",
        "http://[0:0:0:0:0:0:0:1]:{port}/",
        "http://[::]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://[::ffff:7f00:1]:{port}/",
        "http://[::127.0.0.1]:{port}/",
        "http://[::1%25lo]:{port}/",
        "http://[64:ff9b::7f00:1]:{port}/",
        "http://[2002:7f00:1::]:{port}/",
        "http://[fe80::1]:{port}/",
        "http://[fe80::1%25lo]:{port}/",
        "http://[fc00::1]:{port}/",
        "http://[ff02::1]:{port}/",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://224.0.0.1/",
        "http://240.0.0.1/",
        "http://255.255.255.255/",
        "http://user@127.0.0.1:{port}/",
        "http://example.com@127.0.0.1:{port}/",
        "http://example.com:80@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\\@example.com/",
        "http://[127.0.0.1]:{port}/",
        "http://127.0.0.1%00.example.com:{port}/",
        "http://127.0.0.1\t:{port}/",
        "http://\r\nHost: x\r\n:{port}/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
        "ftp://127.0.0.1:{port}/",
        "data:text/plain,hello",
        "//127.0.0.1:{port}/",
        "http:127.0.0.1:{port}/",
        "http:///secret",
        "http://127.0.0.1:22/",
        "http://127.0.0.1:99999/",
        "",
        "nonsense",
        "http://" + "a" * 5000,
    ],
)
async def test_no_spelling_of_an_address_reaches_this_machine(inside: Site, url: str) -> None:
    with pytest.raises(ToolError):
        await fetch(inside.port).call({"url": url.replace("{port}", str(inside.port))}, CONTEXT)
    assert inside.asked == []


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "169.254.169.254"])
async def test_a_name_that_resolves_to_an_inner_address_is_refused(inside: Site, address: str) -> None:
    names = Names(innocent_test=[address])
    with pytest.raises(ToolError, match="not public"):
        await fetch(inside.port, names).call({"url": inside.url("/secret", "innocent.test")}, CONTEXT)
    assert inside.asked == []


async def test_a_name_is_resolved_once_for_each_connection_and_that_address_is_the_one_connected_to() -> None:
    """The first answer may be reached; had the name been resolved again for connecting, the second would be."""
    async with serving({"/": text("from outside")}, ("127.0.0.1",)) as site:
        names = Names(rebinds_test=["127.0.0.1", "127.0.0.2"])
        tool = fetch(site.port, names, allow_networks=("127.0.0.1/32",))

        first = await tool.call({"url": site.url(host="rebinds.test")}, CONTEXT)
        assert first.text == "from outside"
        assert names.asked == ["rebinds.test"]

        with pytest.raises(ToolError, match="not public"):
            await tool.call({"url": site.url(host="rebinds.test")}, CONTEXT)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.2:{port}/secret",
        "//127.0.0.2:{port}/secret",
        "http://[::1]:{port}/secret",
        "http://inner.test:{port}/secret",
        "file:///etc/passwd",
        "http://user:password@127.0.0.1:{port}/secret",
        "http://127.0.0.1:22/",
        "http://[bad",
    ],
)
async def test_a_redirect_leads_nowhere_that_a_first_address_may_not(target: str, status: int) -> None:
    pages = {"/secret": text("secret")}
    async with serving(pages, ("127.0.0.1", "127.0.0.2", "::1")) as site:
        pages["/"] = redirect(target.replace("{port}", str(site.port)), status)
        tool = fetch(site.port, Names(inner_test=["127.0.0.2"]), allow_networks=("127.0.0.1/32",))

        with pytest.raises(ToolError):
            await tool.call({"url": site.url()}, CONTEXT)
        assert [path for path, _ in site.asked] == ["/"]


async def test_redirects_in_a_circle_end() -> None:
    async with serving({"/": redirect("/")}) as site:
        tool = fetch(site.port, allow_networks=("127.0.0.0/8",), redirects=3)
        with pytest.raises(ToolError, match="more than 3 times"):
            await tool.call({"url": site.url()}, CONTEXT)
        assert len(site.asked) == 4


async def test_a_denied_host_is_denied_in_every_spelling_and_after_a_redirect() -> None:
    async with serving({"/": redirect("http://evil.test:1/")}) as site:
        names = Names(evil_test=["127.0.0.1"], sub_evil_test=["127.0.0.1"], good_test=["127.0.0.1"])
        tool = fetch(site.port, names, allow_networks=("127.0.0.0/8",), deny_hosts=("Evil.test",), ports=(site.port, 1))

        for host in ("evil.test", "EVIL.TEST", "evil.test.", "sub.evil.test", "good.test"):
            with pytest.raises(ToolError, match="not allowed"):
                await tool.call({"url": site.url(host=host)}, CONTEXT)
        assert names.asked == ["good.test"]


async def test_only_hosts_of_the_allow_list_are_asked() -> None:
    async with serving({"/": text("fine")}) as site:
        names = Names(docs_good_test=["127.0.0.1"], notgood_test=["127.0.0.1"])
        tool = fetch(site.port, names, allow_networks=("127.0.0.0/8",), allow_hosts=("good.test",))

        assert (await tool.call({"url": site.url(host="docs.good.test")}, CONTEXT)).text == "fine"
        for host in ("notgood.test", "127.0.0.1", "good.test.evil.test"):
            with pytest.raises(ToolError, match="not allowed"):
                await tool.call({"url": site.url(host=host)}, CONTEXT)


async def test_a_proxy_of_the_environment_sees_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving({"/": text("direct")}) as site, serving({"/": text("from the proxy")}) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        result = await fetch(site.port, allow_networks=("127.0.0.0/8",)).call({"url": site.url()}, CONTEXT)

    assert (result.text, proxy.asked) == ("direct", [])


async def test_a_cookie_of_one_hop_is_not_sent_to_the_next() -> None:
    seen: list[str | None] = []

    async def bake(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/end", "Set-Cookie": "a=b; Path=/"})

    async def look(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.headers.get("Cookie"))
        return web.Response(text="end")

    async with serving({"/": bake, "/end": look}) as site:
        await fetch(site.port, allow_networks=("127.0.0.0/8",)).call({"url": site.url()}, CONTEXT)
    assert seen == [None]


# -- bodies -----------------------------------------------------------------------------------------------------------


async def endless(request: web.BaseRequest) -> web.StreamResponse:
    """Sends until the client hangs up."""
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    while True:
        await response.write(b"x" * 65536)


async def test_an_endless_body_is_cut_at_the_limit() -> None:
    async with serving({"/": endless}) as site:
        tool = fetch(site.port, allow_networks=("127.0.0.0/8",), max_bytes=100_000, max_characters=200_000)
        result = await tool.call({"url": site.url()}, CONTEXT)

    assert result.text == "x" * 100_000 + "\n[the page is longer than 100000 bytes; the rest was not read]"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_small_body_that_unpacks_to_a_large_one_is_cut_at_the_limit(encoding: str) -> None:
    large = b"y" * 50_000_000
    packed = gzip.compress(large) if encoding == "gzip" else zlib.compress(large)
    page = raw(packed, Content_Encoding=encoding, Content_Type="text/plain")
    async with serving({"/": page}) as site:
        tool = fetch(site.port, allow_networks=("127.0.0.0/8",), max_bytes=1000)
        result = await tool.call({"url": site.url()}, CONTEXT)

    assert result.text.startswith("y" * 1000 + "\n[the page is longer")


@pytest.mark.parametrize(
    ("encoding", "body"), [("gzip", b"no gzip at all"), ("br", b"\x0b"), ("gzip, gzip", b"x"), ("zstd", b"x")]
)
async def test_a_body_packed_in_another_way_is_refused(encoding: str, body: bytes) -> None:
    async with serving({"/": raw(body, Content_Encoding=encoding, Content_Type="text/plain")}) as site:
        with pytest.raises(ToolError, match="packed"):
            await fetch(site.port, allow_networks=("127.0.0.0/8",)).call({"url": site.url()}, CONTEXT)


async def test_a_body_that_never_ends_times_out() -> None:
    """It drips, so that no single wait is long."""
    left = asyncio.Event()

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        try:
            while True:
                await response.write(b".")
                await asyncio.sleep(0.01)
        finally:
            left.set()

    async with serving({"/": slow}) as site:
        tool = fetch(site.port, allow_networks=("127.0.0.0/8",), timeout_s=0.3)
        result = await tool.call({"url": site.url()}, CONTEXT)
        async with asyncio.timeout(5):
            await left.wait()

    assert result.status is Status.TIMEOUT


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "application/zip", "video/mp4"])
async def test_what_is_no_text_is_refused_by_its_type(kind: str) -> None:
    async with serving({"/": raw(b"\x89PNG", Content_Type=kind)}) as site:
        with pytest.raises(ToolError, match="no text"):
            await fetch(site.port, allow_networks=("127.0.0.0/8",)).call({"url": site.url()}, CONTEXT)


async def test_a_page_nested_to_exhaust_the_parser_ends_that_parser_only() -> None:
    """A quarter of a million open elements take the parser minutes."""
    async with serving({"/": text("<div>" * 250_000, "text/html")}) as site:
        tool = fetch(site.port, allow_networks=("127.0.0.0/8",), parse_cpu_s=1, timeout_s=60)
        with pytest.raises(ToolError, match="too intricate"):
            await tool.call({"url": site.url()}, CONTEXT)


async def test_text_that_is_longer_than_it_may_be_is_cut() -> None:
    long = files.pdf(*["x" * 10_000] * 220)
    limits: dict[str, Any] = {"max_bytes": 2**22, "max_characters": 10**7, "parse_cpu_s": 60, "timeout_s": 60}
    async with serving({"/": raw(long, Content_Type="application/pdf")}) as site:
        result = await fetch(site.port, allow_networks=("127.0.0.0/8",), **limits).call({"url": site.url()}, CONTEXT)

    assert result.text.endswith("x\n[the rest of the text is left out]")
    assert len(result.text) < 2_100_000 + 100


async def test_a_broken_pdf_is_refused() -> None:
    async with serving({"/": raw(b"%PDF-1.4 nonsense", Content_Type="application/pdf")}) as site:
        with pytest.raises(ToolError, match="PDF cannot be read"):
            await fetch(site.port, allow_networks=("127.0.0.0/8",)).call({"url": site.url()}, CONTEXT)


async def test_a_server_that_talks_no_http_is_refused() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(ToolError, match="could not be read"):
            await fetch(port, allow_networks=("127.0.0.0/8",)).call({"url": f"http://127.0.0.1:{port}/"}, CONTEXT)
