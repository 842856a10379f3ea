"""Which addresses a page may be fetched from: public ones only."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_CARRIERS = tuple(
    ip_network(network)
    for network in (
        "::/96",  # IPv4-compatible
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64, local
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "fec0::/10",  # site-local
    )
)
"""IPv6 networks that lead on to an IPv4 address, or that are local by an older rule."""


def is_allowed(address: str, allowed_networks: Iterable[str] = ()) -> bool:
    """Whether this address may be connected to.

    Public addresses may, and those in `allowed_networks`. Refused is what is private, shared (100.64.0.0/10), loopback,
    link-local, multicast, reserved or unspecified, also inside an IPv6 address. Text that is no address is refused.

    Example: "93.184.215.14" may; "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1" and "2002:7f00:1::" may not.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in ip_network(network) for network in allowed_networks) or _is_public(found)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in network for network in _CARRIERS)
