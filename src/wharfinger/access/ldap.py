"""A directory that knows people's passwords: look the person up, then bind as them (RFC 4513, section 6.3.1).

ldap3 is synchronous and no longer developed (decision 13): it is imported here alone, only where a directory is set
up, runs in a few threads of its own, and gets its TLS from the standard library.
"""

import asyncio
import ssl
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import structlog

from wharfinger.access.identity import Found
from wharfinger.config.people import is_loopback
from wharfinger.errors import TooManyRequests, Unavailable

AT_ONCE = 4
WAITING = 16
SECONDS = 5
GROUPS_AT_MOST = 500
PORTS = {"ldap": 389, "ldaps": 636}
IMMUTABLE = ("entryUUID", "objectGUID", "nsUniqueId", "ipaUniqueID")
"""What directories call a number that an entry keeps for good (OpenLDAP, Active Directory, 389, FreeIPA)."""

_log = structlog.get_logger("wharfinger.ldap")


@dataclass(frozen=True, slots=True)
class LdapSettings:
    """Where the directory is and how people are found in it. ``{name}`` and ``{dn}`` in filters are filled in."""

    url: str
    base: str
    filter: str = "(uid={name})"
    bind_dn: str | None = None
    bind_password: str | None = field(default=None, repr=False)
    groups_base: str | None = None
    groups_filter: str = "(member={dn})"
    groups_attribute: str = "cn"
    ca: str | None = None
    choose: Callable[[tuple[str, ...]], tuple[str, ...]] = field(default=lambda groups: groups)

    @property
    def issuer(self) -> str:
        """What the directory is called among issuers: its tree, which outlives its servers."""
        return f"ldap:{self.base.lower()}"


class LdapDirectory:
    """A :class:`~wharfinger.access.identity.PasswordSource`."""

    def __init__(self, settings: LdapSettings) -> None:
        self._settings = settings
        self._ldap = _import()
        self._tls = _tls(self._ldap, settings)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ldap")
        self._accepted = 0

    async def check(self, name: str, password: str) -> Found | None:
        """See PasswordSource."""
        if not name or not password:
            return None  # a bind without a password succeeds, as nobody (RFC 4513, section 5.1.2)
        if self._accepted >= AT_ONCE + WAITING:
            raise TooManyRequests("too many people are logging in: try again in a second", retry_after=1)
        self._accepted += 1
        check = asyncio.get_running_loop().run_in_executor(self._threads, self._check, name, password)
        check.add_done_callback(self._leave)
        return await asyncio.shield(check)

    def _leave(self, done: "asyncio.Future[Found | None]") -> None:
        self._accepted -= 1
        if not done.cancelled():
            done.exception()  # whoever asked may have gone away meanwhile

    def close(self) -> None:
        """Give back the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _check(self, name: str, password: str) -> Found | None:
        settings = self._settings
        with self._in_words(), self._bound(settings.bind_dn, settings.bind_password) as service:
            entry = self._find(service, name)
            if entry is None or not self._may_bind(entry["dn"], password):
                return None
            return Found(settings.issuer, _subject(entry), name, settings.choose(self._groups(service, entry["dn"])))

    def _find(self, service: Any, name: str) -> Mapping[str, Any] | None:
        filter = self._settings.filter.replace("{name}", self._escaped(name))
        found = self._search(service, self._settings.base, filter, IMMUTABLE, limit=2)
        if len(found) > 1:
            _log.warning("several people have this name in the directory: let in nobody", name=name)
        return found[0] if len(found) == 1 else None

    def _groups(self, service: Any, dn: str) -> tuple[str, ...]:
        base, attribute = self._settings.groups_base, self._settings.groups_attribute
        if base is None:
            return ()
        filter = self._settings.groups_filter.replace("{dn}", self._escaped(dn))
        found = self._search(service, base, filter, (attribute,), limit=GROUPS_AT_MOST)
        named = (_attribute(entry, attribute) for entry in found)
        return tuple(value.decode("utf-8", "replace") for value in named if value is not None)

    def _search(
        self, connection: Any, base: str, filter: str, attributes: tuple[str, ...], *, limit: int
    ) -> list[Mapping[str, Any]]:
        try:
            connection.search(base, filter, attributes=list(attributes), size_limit=limit, time_limit=SECONDS)
        except self._ldap.core.exceptions.LDAPSizeLimitExceededResult:
            pass  # what has arrived is in the response all the same
        except self._ldap.core.exceptions.LDAPNoSuchObjectResult:
            return []
        # References to other servers are not followed: they would be sent our password, or the user's.
        return [entry for entry in connection.response or () if entry["type"] == "searchResEntry"][:limit]

    def _may_bind(self, dn: str, password: str) -> bool:
        refusals = self._ldap.core.exceptions.LDAPOperationResult
        try:
            with self._bound(dn, password):
                return True
        except refusals as refusal:
            _log.info("not let in by the directory", reason=refusal.description)
            return False

    @contextmanager
    def _bound(self, dn: str | None, password: str | None) -> Iterator[Any]:
        ldap, url = self._ldap, urlsplit(self._settings.url)
        server = ldap.Server(
            url.hostname,
            port=url.port or PORTS[url.scheme],
            use_ssl=url.scheme == "ldaps",
            tls=self._tls,
            get_info=ldap.NONE,
            connect_timeout=SECONDS,
        )
        connection = ldap.Connection(
            server,
            user=dn,
            password=password,
            authentication=ldap.SIMPLE if dn else ldap.ANONYMOUS,
            auto_referrals=False,
            auto_range=False,
            check_names=False,
            raise_exceptions=True,
            read_only=True,
            receive_timeout=SECONDS,
        )
        try:
            connection.open()
            if self._tls is not None and url.scheme == "ldap":
                connection.start_tls()
            connection.bind()
            yield connection
        finally:
            connection.strategy.close()
            if connection.socket is not None:
                connection.socket.close()  # which the library forgets where connecting has failed

    def _escaped(self, text: str) -> str:
        escaped: str = self._ldap.utils.conv.escape_filter_chars(text)
        return escaped

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """What the library complains of; nothing of it is for the person who logs in."""
        try:
            yield
        except self._ldap.core.exceptions.LDAPException as error:
            _log.warning("the directory cannot be used", reason=f"{type(error).__name__}: {error}"[:300])
            raise Unavailable("the directory of people does not answer as it should: the log says more") from error


def _import() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it uses old names of pyasn1
        try:
            import ldap3
            import ldap3.core.exceptions
            import ldap3.utils.conv
        except ImportError as error:
            raise Unavailable("ldap_url needs the extra `ldap`: pip install 'wharfinger[ldap]'") from error
    return ldap3


def _tls(ldap: Any, settings: LdapSettings) -> Any:
    """What makes a connection secret; None where it does not leave this machine and nobody asks for it."""
    if settings.url.startswith("ldap://") and is_loopback(settings.url) and settings.ca is None:
        return None
    context = ssl.create_default_context(cafile=settings.ca)

    class Tls(ldap.Tls):  # type: ignore[misc]
        """Its own checks the host's name by a function that Python is giving up; OpenSSL does it here."""

        def wrap_socket(self, connection: Any, do_handshake: bool = True) -> None:  # noqa: ARG002
            connection.socket = context.wrap_socket(connection.socket, server_hostname=connection.server.host)

    return Tls(validate=ssl.CERT_REQUIRED)


def _subject(entry: Mapping[str, Any]) -> str:
    for name in IMMUTABLE:
        value = _attribute(entry, name)
        if value is not None:
            return f"{name.lower()}:{value.hex() if name == 'objectGUID' else value.decode('ascii', 'replace')}"
    return f"dn:{entry['dn'].lower()}"


def _attribute(entry: Mapping[str, Any], name: str) -> bytes | None:
    for key, values in entry["raw_attributes"].items():
        if key.lower() == name.lower() and values:
            first: bytes = values[0]
            return first
    return None
