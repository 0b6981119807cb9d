"""What the pages need to be given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from wharfinger.access.caller import Caller
from wharfinger.access.devices import Devices
from wharfinger.access.logins import Logins
from wharfinger.meta.grants import SecretRow
from wharfinger.web.challenge import Addresses


class Tokens(Protocol):
    """A person's personal access tokens."""

    async def tokens_of(self, by: Caller) -> list[SecretRow]:
        """The caller's own."""
        ...

    async def add_token(
        self, by: Caller, label: str, words: Sequence[str], where: Sequence[str], expires_at: float
    ) -> str:
        """A new one, told this once; ``words`` are actions, ``where`` are patterns."""
        ...

    async def remove_token(self, by: Caller, id: str) -> None:
        """Revoke one of the caller's own."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """The services behind the pages."""

    logins: Logins
    devices: Devices
    tokens: Tokens
    addresses: Addresses
    now: Callable[[], float]
