"""Who sent a request and by what address, when proxies that we trust stand between."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from wharfinger.web.http import Scope

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Origin:
    """The client's address, and the scheme and host that it used."""

    client: str
    scheme: str
    host: str


def origin(scope: Scope, trusted: Sequence[Network]) -> Origin:
    """Where the request came from.

    ``X-Forwarded-*`` counts only when the connection comes from a trusted proxy; the client is then the rightmost
    address in ``X-Forwarded-For`` that is not itself trusted, for whatever stands left of it was written by somebody
    we do not know.
    """
    headers = dict(scope["headers"])
    peer = (scope.get("client") or ("", 0))[0]
    scheme, host = scope.get("scheme", "http"), headers.get(b"host", b"").decode("latin-1")
    if not trusted or not _is_trusted(peer, trusted):
        return Origin(peer, scheme, host)
    hops = [hop.strip() for hop in headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",") if hop.strip()]
    client = _rightmost_untrusted(hops, trusted, peer)
    forwarded_scheme = headers.get(b"x-forwarded-proto", b"").decode("latin-1").strip().lower()
    forwarded_host = headers.get(b"x-forwarded-host", b"").decode("latin-1").strip()
    return Origin(client, forwarded_scheme if forwarded_scheme in {"http", "https"} else scheme, forwarded_host or host)


def _rightmost_untrusted(hops: Sequence[str], trusted: Sequence[Network], peer: str) -> str:
    client = peer
    for hop in reversed(hops):
        if _address(hop) is None:
            return client  # not an address: the last one that a trusted proxy vouched for
        client = hop
        if not _is_trusted(hop, trusted):
            return client
    return client


def _is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in trusted)


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
