"""Who says who somebody is, beside ourselves: what such a source answers, and what it is asked."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Found:
    """A person as their identity provider or directory knows them.

    ``issuer`` and ``subject`` together are who it is and never change; ``name`` is what an account would be called,
    and may be anything; ``groups`` are those that count here.
    """

    issuer: str
    subject: str
    name: str
    groups: tuple[str, ...]


class PasswordSource(Protocol):
    """Knows people's passwords; or knows who does."""

    async def check(self, name: str, password: str) -> Found | None:
        """Who has this name and password; None when nobody does.

        Raises Unavailable when that cannot be found out, and TooManyRequests.
        """
        ...

    def close(self) -> None:
        """Give back the threads."""
        ...
