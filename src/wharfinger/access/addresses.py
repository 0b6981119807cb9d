"""Where a request of ours may go, when somebody else has said where: a pure question about one address.

Ask it of the address that is connected to, not of the name: a name can mean another address a moment later.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


_LOOPBACK = _networks("127.0.0.0/8", "::1/128")
_PRIVATE = _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
_METADATA = _networks("100.100.100.200/32", "192.0.0.192/32", "fd00:ec2::/32", "fd20:ce::254/128")
"""Where clouds hand out credentials to whoever asks, outside of the link-local networks."""
_NEVER = _networks(
    "0.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_6TO4 = IPv6Network("2002::/16")
_NAT64 = IPv6Network("64:ff9b::/96")


def why_not(address: Address, *, private: bool) -> str | None:
    """Why nothing is sent there; None where it may be. ``private`` allows private networks and this machine.

    Link-local, multicast and reserved addresses, and those where clouds keep credentials, are never allowed.
    """
    meant = _meant(address)
    if _within(meant, _LOOPBACK):
        return None if private else "is this machine itself"
    if _within(meant, _METADATA):
        return "is where a cloud hands out credentials"
    if _within(meant, _PRIVATE):
        return None if private else "is in a private network"
    if _within(meant, _NEVER) or meant.is_multicast or meant.is_link_local or meant.is_unspecified or meant.is_reserved:
        return "is link-local, multicast or reserved"
    if isinstance(meant, IPv6Address) and meant not in _GLOBAL_V6:
        return "is not in the public Internet"
    return None


def parse(text: str) -> Address | None:
    """The address that ``text`` is, without a zone; None for anything else, also for 127.1 and 0x7f000001."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _meant(address: Address) -> Address:
    """The IPv4 address that is reached through an IPv6 one."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _6TO4:
        return IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks if network.version == address.version)
