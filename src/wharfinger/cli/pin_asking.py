"""Whom ``wharf pin`` asks: registries for digests, our own for its rules."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from wharfinger.cli import logins
from wharfinger.cli.logins import Login
from wharfinger.errors import Refusal
from wharfinger.tagging.pinning import credentials, judging
from wharfinger.tagging.pinning.credentials import Credentials, Keeper
from wharfinger.tagging.pinning.judging import Immutable
from wharfinger.tagging.pinning.resolving import Known, Resolver


@contextmanager
def asked(plain: frozenset[str], *, write: bool) -> Iterator[tuple[Immutable, Resolver | None]]:
    """Who knows which tags are immutable, and who resolves them where something is to be written."""
    if not write:
        yield judging.nobody_knows, None
        return
    from wharfinger.tagging.pinning.asking import Asker

    asker = Asker(plain)
    try:
        keeper = credentials.load()
        yield judging.nobody_knows, Resolver(asker, _known(keeper), keeper.helper)
    finally:
        asker.close()


def _known(keeper: Keeper) -> Known:
    own = _login()

    def known(registry: str) -> Credentials | None:
        found = keeper.get(registry)
        if found is None and own is not None and urlsplit(own.url).netloc == registry:
            return Credentials(own.username, own.token)
        return found

    return known


def _login() -> Login | None:
    with suppress(Refusal):  # not logged in: then as anybody else
        return logins.load()
    return None
