"""Which addresses a webhook may go to. An alert must not become a way into the operator's own network.

A name is resolved once and the connection goes to the very address that was judged, so that a name server which answers
otherwise a moment later changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from contracts.errors import ConfigurationError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup = Callable[[str, int], list[str]]

METADATA = frozenset(
    map(ipaddress.ip_address, ("169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"))
)
"""Where clouds tell a machine its own secrets; two of these lie among the public addresses."""
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


class ForbiddenTargetError(Exception):
    """The name leads to an address that a webhook may not go to, or to none."""


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook. Its path and query may be secret (chat services put a token there), so neither is ever shown."""

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_target(url: str) -> Target:
    """The parts of a webhook's URL.

    Raises:
        ConfigurationError: Not http or https, without a host, or with a user and password in it.
    """
    refused = "MARITIME_WEBHOOK_URL must be http(s)://host[:port]/path"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"{refused}: {error}.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{refused}.")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(f"{refused}, without a user or password: set MARITIME_WEBHOOK_SECRET.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not (path.isascii() and path.isprintable()) or " " in path:
        raise ConfigurationError(f"{refused}, with other characters percent-encoded.")
    return Target(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), path)


def addresses(host: str, port: int) -> list[str]:
    """Every address of a host, as the system resolves it.

    Raises:
        OSError: The name is not known, or no name server answers.
    """
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def lawful_address(target: Target, *, allow_private: bool, lookup: Lookup = addresses) -> str:
    """Resolve the host once and give the address to connect to.

    Raises:
        ForbiddenTargetError: One of its addresses is forbidden: then none is taken, for the next answer may
            put that one first.
        OSError: The name cannot be resolved.
    """
    found = lookup(target.host, target.port)
    if not found:
        raise ForbiddenTargetError(f"{target.host} has no address")
    for text in found:
        what = why_forbidden(ipaddress.ip_address(text.partition("%")[0]), allow_private=allow_private)
        if what:
            hint = "" if what in ("metadata", "multicast") else "; MARITIME_WEBHOOK_ALLOW_PRIVATE=true allows it"
            raise ForbiddenTargetError(f"{target.host} leads to the {what} address {text}{hint}")
    return found[0]


def why_forbidden(address: Address, *, allow_private: bool) -> str | None:
    """What kind of forbidden address this is; null for a lawful one. An IPv4 address inside an IPv6 one counts too."""
    inner = _inner(address)
    if inner is not None:
        return why_forbidden(inner, allow_private=allow_private)
    if address in METADATA:
        return "metadata"
    if address.is_multicast:
        return "multicast"
    if allow_private:
        return None
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    is_site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return "private" if is_site_local or not address.is_global else None


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
