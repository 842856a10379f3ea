"""What `fetch` may reach, and how much of it."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _network(text: str) -> str:
    return str(ip_network(text))


def _host(text: str) -> str:
    host = text.lower().rstrip(".")
    if not host or any(character in host for character in "/:@* "):
        raise ValueError("a host looks like example.com; it stands for its subdomains too")
    return host


Host = Annotated[str, AfterValidator(_host)]
Network = Annotated[str, AfterValidator(_network)]


class FetchConfig(BaseModel):
    """Limits of `fetch`; the defaults reach the public web and no more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow_hosts: tuple[Host, ...] = ()
    """The only hosts that may be asked, each with its subdomains. Empty: every host."""
    deny_hosts: tuple[Host, ...] = ()
    """Hosts that may not, each with its subdomains; wins over `allow_hosts`."""
    allow_networks: tuple[Network, ...] = ()
    """Addresses that may be reached though they are not public, for example 10.1.2.0/24 for an intranet."""
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = (80, 443)
    redirects: int = Field(default=5, ge=0)
    """Followed at most; every one is checked like the first address."""
    timeout_s: float = Field(default=20.0, gt=0)
    """For everything: names, redirects, body and reading it."""
    max_bytes: int = Field(default=2 * 2**20, ge=1)
    """Of a body, before and after it is unpacked."""
    max_characters: int = Field(default=20_000, ge=1)
    """Shown by one call; the rest by further ones."""
    parse_cpu_s: int = Field(default=5, ge=1)
    """Processor time for making text of a page."""
    parse_memory_mib: int = Field(default=1024, ge=128)
    """Address space for making text of a page."""
    user_agent: str = "flyball-fetch"
