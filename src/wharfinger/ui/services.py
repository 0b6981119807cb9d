"""What the pages need to be given."""

from collections.abc import Callable
from dataclasses import dataclass

from wharfinger.access.devices import Devices
from wharfinger.access.logins import Logins
from wharfinger.access.secrets import Secrets
from wharfinger.web.challenge import Addresses


@dataclass(frozen=True, slots=True)
class Services:
    """The services behind the pages."""

    logins: Logins
    devices: Devices
    secrets: Secrets
    addresses: Addresses
    now: Callable[[], float]
