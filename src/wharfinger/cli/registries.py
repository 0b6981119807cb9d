"""Registries of all kinds, asked with what 'docker login', 'podman login' or 'wharf login' left on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wharfinger.cli import logins
from wharfinger.cli.logins import Login
from wharfinger.errors import Refusal
from wharfinger.remote import credentials
from wharfinger.remote.credentials import Credentials, Keeper

if TYPE_CHECKING:
    from wharfinger.remote.authorizing import Known
    from wharfinger.remote.pushing import Pusher
    from wharfinger.remote.repositories import Repositories

_OF_A_LOGIN = "wharf_l"
"""How the tokens of logins begin."""


@contextmanager
def repositories(plain: frozenset[str]) -> "Iterator[Repositories]":
    """What reads from any registry; ``plain`` are hosts that are asked without TLS."""
    with pushing(plain) as (reading, _):
        yield reading


@contextmanager
def pushing(plain: frozenset[str]) -> "Iterator[tuple[Repositories, Pusher]]":
    """What reads from any registry, and what writes there."""
    from wharfinger.remote.asking import Asker
    from wharfinger.remote.authorizing import Authorizer
    from wharfinger.remote.pushing import Pusher
    from wharfinger.remote.repositories import Repositories

    asker, keeper = Asker(plain), credentials.load()
    try:
        reading = Repositories(asker, Authorizer(asker, known(keeper, own_login()), keeper.helper))
        yield reading, Pusher(asker, reading)
    finally:
        asker.close()


def known(keeper: Keeper, own: Login | None) -> "Known":
    """What is known of each registry: what Docker keeps first, then our own login.

    A login that ``wharf login --also docker`` has handed on is our own: Docker's copy of it is not renewed.
    """

    def found(registry: str) -> Credentials | None:
        kept = keeper.get(registry)
        if own is None or host(own) != registry or not (kept is None or _is_handed_on(kept, own)):
            return kept
        return _shown(logins.load())

    return found


def _is_handed_on(kept: Credentials, own: Login) -> bool:
    return bool(own.audience) and kept.username == own.username and kept.password.startswith(_OF_A_LOGIN)


def _shown(own: Login) -> Credentials:
    from wharfinger.cli.workload import lasting

    lasts = lasting(own)
    return Credentials(lasts.username, lasts.token)


def host(login: Login) -> str:
    """The registry that one is logged in to, as references name it."""
    return urlsplit(login.url).netloc


def own_login() -> Login | None:
    """The login of 'wharf login'; None where there is none: then as anybody else."""
    with suppress(Refusal):
        return logins.load()
    return None
