"""Where a webhook may go: never to this machine itself nor to a cloud's metadata, however the host is called."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from connectors.http import is_loopback
from orchestration.errors import Refused, Unavailable
from orchestration.validation.hosts import destination

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

# Answers with a machine's own identity or settings though its address looks like any other.
_METADATA = {
    ipaddress.ip_address("168.63.129.16"),  # Azure's host of a virtual machine
    ipaddress.ip_address("100.100.100.200"),  # Alibaba
    ipaddress.ip_address("192.0.0.192"),  # Oracle
    ipaddress.ip_address("fd00:ec2::254"),  # AWS
    ipaddress.ip_address("fd20:ce::254"),  # Google
}

# Addresses that hold another one inside: where that leads is somebody else's decision.
_TUNNELS = (
    ipaddress.ip_network("2001::/32"),
    ipaddress.ip_network("64:ff9b::/96"),
    ipaddress.ip_network("64:ff9b:1::/48"),
)


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as the machine finds them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found))


async def checked(url: str, *, local: bool, resolve: Resolve = resolve) -> str:
    """The address to connect to for a webhook: the host is looked up once, so that it cannot become another one.

    Args:
        url: From the policy.
        local: This is a deployment on a laptop: its own services may be called, also over http.
        resolve: Looks a host up.

    Raises:
        Refused: The URL may not be called; the message says why.
        Unavailable: There is no such host now.
    """
    parts = urlsplit(url)
    if not destination(url):
        raise Refused("The address of the approval system in the policy is not an https address.")
    here = is_loopback(url)
    if parts.scheme != "https" and not (here and local):
        raise Refused("The address of the approval system must be https; http is for tests on one machine only.")
    host = str(parts.hostname)
    try:
        addresses = await resolve(host, parts.port or 443)
    except OSError as error:
        raise Unavailable(f"There is no host {host} now: {error.strerror or error}.") from error
    for each in addresses:
        if why := _forbidden(ipaddress.ip_address(each), local=here and local):
            raise Refused(f"The approval system at {host} has the address {each}, {why}: it is not called.")
    if not addresses:
        raise Unavailable(f"There is no host {host} now.")
    return addresses[0]


def _forbidden(address: Address, *, local: bool) -> str:
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if inner is not None:
        return _forbidden(inner, local=local)
    if any(address in tunnel for tunnel in _TUNNELS):
        return "behind which another one is hidden"
    if address in _METADATA or address.is_link_local:
        return "where clouds answer with a machine's own identity"
    if address.is_loopback:
        return "" if local else "which is this machine itself"
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        return "which is nobody's"
    return ""
