"""`fetch` on honest pages of a real server."""

from __future__ import annotations

import asyncio
import gzip

import psutil
import pytest
from pydantic import ValidationError

from flyball.core.errors import ToolError
from flyball.tools.fetch.addresses import is_allowed
from flyball.tools.fetch.config import FetchConfig
from flyball.tools.fetch.extract import text_of
from flyball.tools.fetch.tool import Fetch
from flyball.tools.result import Result, Status
from flyball.tools.tool import CallContext, Effect

from ..documents import files
from .site import Names, Page, raw, redirect, serving, text

CONTEXT = CallContext("s")


def fetch(port: int, **settings: object) -> Fetch:
    return Fetch(FetchConfig.model_validate({"ports": (port,), "allow_networks": ("127.0.0.0/8",), **settings}))


async def fetched(page: Page, start: int = 0, **settings: object) -> Result:
    async with serving({"/": page}) as site:
        return await fetch(site.port, **settings).call({"url": site.url("/#part"), "start": start}, CONTEXT)


async def test_a_page_comes_as_its_text_with_headings() -> None:
    result = await fetched(text("<nav>menu</nav><main><h1>Ostrel</h1><p>A town.</p></main>", "text/html"))

    assert (result.status, result.text) == (Status.OK, "# Ostrel\nA town.")
    assert result.structured["url"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        (text('{"a": 1}', "application/json"), '{"a": 1}'),
        (text("# A\nb", "text/markdown"), "# A\nb"),
        (text("<a>b</a>", "application/xml"), "<a>b</a>"),
        (raw("Zürn".encode("latin-1"), Content_Type="text/plain; charset=latin-1"), "Zürn"),
        (raw(gzip.compress(b"packed"), Content_Type="text/plain", Content_Encoding="gzip"), "packed"),
        (raw(files.pdf("One.", "Two."), Content_Type="application/pdf"), "# page 1\nOne.\n\n# page 2\nTwo."),
    ],
    ids=["JSON", "Markdown", "XML", "Latin-1", "gzip", "PDF"],
)
async def test_other_kinds_of_text_are_read_too(page: Page, shown: str) -> None:
    assert (await fetched(page)).text == shown


async def test_redirects_are_followed_to_where_the_page_is() -> None:
    async with serving({"/": redirect("next"), "/next": redirect("/end", 308), "/end": text("here")}) as site:
        result = await fetch(site.port).call({"url": site.url()}, CONTEXT)

    assert result.text == "here"
    assert result.structured == {"url": site.url("/end")}


async def test_a_long_page_is_read_in_several_calls() -> None:
    page = text("0123456789" * 3)
    first = await fetched(page, max_characters=20)
    second = await fetched(page, start=20, max_characters=20)

    assert first.text == "01234567890123456789\n[cut here: call again with start=20 for the rest]"
    assert second.text == "0123456789"
    with pytest.raises(ToolError, match="30 characters only"):
        await fetched(page, start=30)


async def test_a_page_that_is_not_there_empty_or_out_of_order_is_told() -> None:
    """None of it says that `fetch` is out of order, so none is `infra`."""
    async with serving({"/empty": text(""), "/busy": redirect("/", 429), "/down": redirect("/", 503)}) as site:
        for path, status in (("/nothing", 404), ("/busy", 429), ("/down", 503)):
            with pytest.raises(ToolError, match=f"answered with status {status}"):
                await fetch(site.port).call({"url": site.url(path)}, CONTEXT)
        with pytest.raises(ToolError, match="no text"):
            await fetch(site.port).call({"url": site.url("/empty")}, CONTEXT)


async def test_a_name_without_address_and_a_closed_port_are_told() -> None:
    async with serving({}) as site:
        port = site.port
    with pytest.raises(ToolError, match="could not be read"):
        await fetch(port).call({"url": f"http://127.0.0.1:{port}/"}, CONTEXT)
    tool = Fetch(FetchConfig(ports=(port,)), Names())
    with pytest.raises(ToolError, match="name has no address"):
        await tool.call({"url": f"http://nowhere.test:{port}/"}, CONTEXT)


def reading() -> list[psutil.Process]:
    """Processes of ours that read a page."""
    return [child for child in psutil.Process().children() if "flyball.tools.fetch.extract" in child.cmdline()]


async def test_a_cancelled_call_leaves_no_process() -> None:
    """The reader is at work on a page that takes it minutes when its call is cancelled."""
    async with serving({"/": text("<div>" * 200_000, "text/html")}) as site:
        call = asyncio.ensure_future(fetch(site.port, parse_cpu_s=60, timeout_s=60).call({"url": site.url()}, CONTEXT))
        async with asyncio.timeout(30):
            while not any(process.cpu_times().user > 0.5 for process in reading()):
                await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    assert reading() == []


@pytest.mark.parametrize(
    ("kind", "data", "shown"),
    [
        ("text/html", b"<h1>A</h1><h2>B</h2>c", "# A > B\nc"),
        ("application/xhtml+xml", b"<p>c</p>", "c"),
        ("text/markdown", b"a\n# B\nc", "a\n\n# B\nc"),
        ("application/pdf", files.pdf("One."), "# page 1\nOne."),
        ("text/plain", b"<p>", "<p>"),
    ],
)
def test_a_page_is_read_by_its_media_type(kind: str, data: bytes, shown: str) -> None:
    assert text_of(data, kind, None) == shown


def test_it_is_told_to_a_model_as_a_tool_that_changes_nothing() -> None:
    spec = Fetch().spec
    assert (spec.name, spec.effect) == ("fetch", Effect.READ_ONLY)
    assert spec.parameters["required"] == ["url"]


async def test_it_keeps_nothing() -> None:
    tool = Fetch()
    await tool.end_session("s")
    await tool.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"allow_hosts": ["http://x"]},
        {"deny_hosts": ["*.x"]},
        {"allow_networks": ["10.0.0.1/8"]},
        {"ports": [0]},
        {"x": 1},
    ],
)
def test_a_configuration_that_says_nothing_usable_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FetchConfig.model_validate(wrong)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("::ffff:93.184.215.14", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("172.31.255.255", False),
        ("192.168.0.1", False),
        ("100.127.255.255", False),
        ("169.254.169.254", False),
        ("192.0.2.1", False),
        ("198.18.0.1", False),
        ("224.0.0.251", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:a9fe:a9fe", False),
        ("::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::1", False),
        ("2001::1", False),
        ("2001:db8::1", False),
        ("2002:7f00:1::", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("fe80::1%eth0", False),
        ("ff02::1", False),
        ("ff0e::1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_only_public_addresses_are_allowed(address: str, allowed: bool) -> None:
    assert is_allowed(address) is allowed


def test_a_network_may_be_allowed_on_purpose() -> None:
    assert is_allowed("10.1.2.3", ("10.1.2.0/24",))
    assert is_allowed("::ffff:10.1.2.3", ("10.1.2.0/24",))
    assert not is_allowed("10.1.3.1", ("10.1.2.0/24", "fd00::/8"))
