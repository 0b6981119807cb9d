"""Which scanners of others there are: registered by administrators, once they have answered."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Connection

from wharfinger.access import changes, fetch
from wharfinger.access.account_names import account_name
from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.access.fetch import Fetch
from wharfinger.access.vault import Vault
from wharfinger.errors import AlreadyExists, Denied, GrantUnknown, RequestInvalid
from wharfinger.meta import accounts, audit, scanners
from wharfinger.meta.accounts import SERVICE
from wharfinger.meta.db import Database
from wharfinger.meta.scanners import ScannerRow
from wharfinger.scanning.adapters import asking, credentials, protocol
from wharfinger.scanning.adapters.client import SECONDS, AdapterClient
from wharfinger.spec.digest import Digest

AT_MOST = 20
SECRET_AT_MOST = 8192
HOUR, YEAR = 3600.0, 366 * 86400.0

Changed = Callable[[Connection, Sequence[Digest], float], None]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class WantedScanner:
    """A scanner to be registered, as it was written. ``registry`` is the URL by which it reaches us."""

    name: str
    url: str
    account: str
    registry: str | None = None
    auth: Literal["none", "basic", "bearer"] = "none"
    secret: str = field(default="", repr=False)
    private: bool = False
    every: float = 86400.0
    sbom: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A scanner, and how many images it has reported on."""

    row: ScannerRow
    reported: int


class Scanners:
    """Registers, lists, removes. ``public_url`` is what a scanner is told to pull from unless it has its own.

    ``vault`` seals what proves us to them. ``changed`` is told which images may be judged otherwise without one.
    """

    def __init__(
        self,
        db: Database,
        now: Callable[[], float],
        public_url: str | None,
        vault: Vault,
        fetch: Fetch | None = None,
        changed: Changed = lambda _tx, _digests, _now: None,
    ) -> None:
        self._db = db
        self._now = now
        self._public_url = public_url
        self._fetch = fetch or Fetch(seconds=SECONDS)
        self._changed = changed
        self.vault = vault

    async def every(self) -> list[Known]:
        """All, by name."""
        found = await self._db.read(scanners.every)
        counted = await self._db.read(scanners.counted)
        return [Known(row, counted.get(row.name, 0)) for row in found]

    async def add(self, by: Caller, wanted: WantedScanner) -> ScannerRow:
        """Register one that answers and makes a report that is read here, and let it be asked about every image.

        Raises Denied, RequestInvalid, Unreachable, AlreadyExists, AccountUnknown.
        """
        by.require(Action.ADMIN)
        row = self._row(by, wanted)
        about = await AdapterClient(self._fetch, row).metadata()
        if protocol.reads_none(about):
            raise RequestInvalid(f"{row.url} makes no report that is read here: want {protocol.VULNERABILITIES[0]}")
        await self._db.write(_add, by, row, self.vault)
        await self._db.write(scanners.describe, row.name, asking.text_of(about), self._now())
        return row

    async def remove(self, by: Caller, name: str) -> None:
        """Remove it, with all that it reported. Raises Denied and GrantUnknown."""
        by.require(Action.ADMIN)
        await self._db.write(self._remove, by, name)

    def _remove(self, tx: Connection, by: Caller, name: str) -> None:
        images = scanners.reported(tx, name)
        _remove(tx, by, name)
        self._changed(tx, images, self._now())

    def _row(self, by: Caller, wanted: WantedScanner) -> ScannerRow:
        if not _NAME.fullmatch(wanted.name) or wanted.name == "wharfinger":
            raise RequestInvalid(f"invalid name {wanted.name[:40]!r}: want at most 32 lower-case letters, digits, '-'")
        url, registry = wanted.url.rstrip("/"), wanted.registry or self._public_url
        if fetch.parse(url, private=wanted.private).url.query:
            raise RequestInvalid("a scanner's URL has no query: what is asked of it is put behind it")
        if registry is None or not re.fullmatch(r"https?://[\x21-\x7e]{1,500}", registry):
            raise RequestInvalid("by what URL does the scanner reach this registry? Say it, or set public_url")
        if not HOUR <= wanted.every <= YEAR:
            raise RequestInvalid("an image is asked about again after an hour at least, and a year at most")
        return ScannerRow(
            wanted.name,
            url,
            account_name(wanted.account),
            wanted.auth,
            _secret(wanted),
            wanted.private,
            registry.rstrip("/"),
            wanted.every,
            wanted.sbom,
            self._now(),
            by.name,
        )


def _secret(wanted: WantedScanner) -> str:
    secret = wanted.secret.strip()
    if (wanted.auth == "none") != (not secret):
        raise RequestInvalid("a credential is there to be sent: say both how and what, or neither")
    if len(secret) > SECRET_AT_MOST or not secret.isprintable() or (wanted.auth == "bearer" and not secret.isascii()):
        raise RequestInvalid(f"a credential is one line of at most {SECRET_AT_MOST} printable characters")
    if wanted.auth == "basic" and ":" not in secret:
        raise RequestInvalid("a credential for basic authentication is NAME:PASSWORD")
    return secret


def _add(tx: Connection, by: Caller, row: ScannerRow, vault: Vault) -> None:
    _require_administrator(tx, by, row.account)
    accounts.require(tx, row.account, SERVICE)
    if scanners.find(tx, row.name) is not None:
        raise AlreadyExists(f"scanner {row.name} is there already: remove it first", name=row.name)
    there = scanners.every(tx)
    if len(there) >= AT_MOST:
        raise RequestInvalid(f"there are {AT_MOST} scanners already, and there can be no more")
    for each in there if row.secret else ():
        vault.require_ours(each.secret)
    scanners.add(tx, credentials.sealed(vault, row))
    audit.add(tx, by.entry("scanner.add", detail={"before": None, "after": told(row)}))


def _remove(tx: Connection, by: Caller, name: str) -> None:
    row = scanners.find(tx, name)
    if row is None:
        raise GrantUnknown(f"scanner {name[:40]!r} is not known", name=name[:40])
    _require_administrator(tx, by, row.account)
    scanners.remove(tx, name)
    audit.add(tx, by.entry("scanner.remove", detail={"before": told(row), "after": None}))


def _require_administrator(tx: Connection, by: Caller, account: str) -> None:
    """On what is true in this transaction: the scanner is given what its account may pull."""
    _, before = changes.begin(tx, by)
    now = changes.still(before, by, by.now)
    if not now.may(Action.ADMIN):
        raise Denied(f"{by.name} does not administer everything, which is what it takes to let a scanner in")
    changes.require_outranks(before, now, account, by.now)


def told(row: ScannerRow) -> dict[str, object]:
    """What may be told of a scanner: everything but what proves us to it."""
    names = ("name", "url", "account", "auth", "private", "registry", "every", "sbom")
    return {name: getattr(row, name) for name in names}
