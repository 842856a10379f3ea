"""Which URLs may be fetched, as far as their text tells; what their names resolve to is judged when connecting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.errors import ToolError
from .config import FetchConfig

if TYPE_CHECKING:
    from yarl import URL

MAX_LENGTH = 4096


def parse(text: str, config: FetchConfig) -> URL:
    """The URL of a first call. Errors: ToolError that says what is wrong with it."""
    from yarl import URL

    if len(text) > MAX_LENGTH:
        raise ToolError(f"The URL is longer than {MAX_LENGTH} characters.")
    try:
        url = URL(text.strip())
    except (ValueError, TypeError):
        raise ToolError("This is no URL; write https://example.com/page.") from None
    return checked(url, config)


def redirected(url: URL, location: str, config: FetchConfig) -> URL:
    """Where a redirect leads. Errors: ToolError where it may not."""
    from yarl import URL

    try:
        target = url.join(URL(location[:MAX_LENGTH]))
    except (ValueError, TypeError):
        raise ToolError("The page redirects to something that is no URL.") from None
    return checked(target, config)


def checked(url: URL, config: FetchConfig) -> URL:
    """The URL without its fragment. Errors: ToolError for a scheme, user, port or host that is not allowed."""
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise ToolError("Only http:// and https:// URLs with a host can be fetched.")
    if url.user is not None or url.password is not None:
        raise ToolError("A URL with a user or password is not fetched.")
    if url.port not in config.ports:
        raise ToolError(f"Port {url.port} is not fetched; allowed: {', '.join(map(str, config.ports))}.")
    host = url.raw_host.lower().rstrip(".")
    if _within(host, config.deny_hosts) or (config.allow_hosts and not _within(host, config.allow_hosts)):
        raise ToolError(f"The host {host} is not allowed here.")
    return url.with_fragment(None)


def _within(host: str, hosts: tuple[str, ...]) -> bool:
    return any(host == known or host.endswith(f".{known}") for known in hosts)
