"""The processes that serve, and what is handed to each.

The supervisor starts ``python -m wharfinger.serving.child`` and writes an :class:`Order` to its standard input, so
that no secret is on a command line and nothing is shared that a fork would break: threads, connections, runtimes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from wharfinger.config import Settings

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


class Application(Protocol):
    """What the module that wires the application has; ``wharfinger.app`` is the one, tests have a smaller."""

    def prepare(self, settings: Settings) -> str | None:
        """Make everything ready, once, before any worker. The administrator's password, if one was made up."""
        ...

    def create(self, settings: Settings) -> Asgi:
        """The ASGI application of one worker."""
        ...

    async def housekeeping(self, settings: Settings) -> None:
        """Do what is done without being asked, until cancelled."""
        ...


class Role(StrEnum):
    """What a process does."""

    PREPARE = "prepare"
    WORKER = "worker"
    HOUSEKEEPING = "housekeeping"


@dataclass(frozen=True)
class Order:
    """What a process needs to know. ``parent`` is the supervisor's process id, ``host`` an IP address."""

    role: Role
    settings: Settings
    application: str
    host: str
    parent: int
