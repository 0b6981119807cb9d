"""Failed log-ins are slowed, by counters that every worker and node shares.

Two counters a minute: one for an account from an address, one for the address alone. There is none for an account
from everywhere, so a stranger cannot lock anybody out; and an address from which an account has logged in before is
not slowed for it by what others do there.
"""

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

from wharfinger.errors import TooManyRequests
from wharfinger.meta import failures
from wharfinger.meta.db import Database

WINDOW = 60
PER_ACCOUNT = 10
PER_ADDRESS = 50
KNOWN_AT_MOST = 10_000


class Throttle:
    """Asked before a password is checked, and told how that went."""

    def __init__(self, db: Database, now: Callable[[], float]) -> None:
        self._db = db
        self._now = now
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def require_open(self, account: str, address: str) -> None:
        """Raise TooManyRequests when this account from this address, or the address, has failed too often."""
        network, window = network_of(address), int(self._now() // WINDOW)
        pair, alone = _keys(account, network)
        counted = await self._db.read(failures.counts, (pair, alone), window)
        if counted.get(pair, 0) >= PER_ACCOUNT or (
            counted.get(alone, 0) >= PER_ADDRESS and not await self._db.read(failures.is_known, account, network)
        ):
            wait = WINDOW - int(self._now()) % WINDOW
            raise TooManyRequests(f"too many log-ins have failed: try again in {wait} seconds", retry_after=wait)

    async def failed(self, account: str, address: str) -> None:
        """Count it; counters of past minutes are removed on the way."""
        window = int(self._now() // WINDOW)
        await self._db.write(failures.add, _keys(account, network_of(address)), window)

    async def succeeded(self, account: str, address: str) -> None:
        """Remember that the account logs in from there."""
        pair = account, network_of(address)
        if pair in self._known:
            return
        await self._db.write(failures.know, *pair, self._now())
        self._known[pair] = None
        if len(self._known) > KNOWN_AT_MOST:
            self._known.popitem(last=False)


def network_of(address: str) -> str:
    """What is counted as one address: of IPv6 the first 64 bits, for whoever has one has them all."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))
    return str(ip)


def _keys(account: str, network: str) -> tuple[str, str]:
    # Whatever a stranger calls an account; PostgreSQL has no NUL in a text.
    return f"{account[:64]}@{network}".replace("\0", " "), f"@{network}"
