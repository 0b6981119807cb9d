"""Logging in without a browser: a device shows a code, a person approves it on our page (RFC 8628)."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from wharfinger.access import tokens
from wharfinger.access.authenticate import Authenticator, Login
from wharfinger.access.caller import Caller, Origin
from wharfinger.access.throttle import WINDOW, Throttle, network_of
from wharfinger.access.tokens import Kind
from wharfinger.errors import AccountUnknown, DeviceLoginOpen, TooManyRequests
from wharfinger.meta import accounts, audit, devices, failures
from wharfinger.meta.accounts import NewLogin
from wharfinger.meta.audit import Entry
from wharfinger.meta.db import Database
from wharfinger.meta.devices import APPROVED, DENIED, WAITING, DeviceRow

LIFETIME = 600
INTERVAL = 5
"""Seconds between two questions of a device."""
HASTE = 1.0
"""So much earlier a question may come: networks are no clocks."""
PER_ADDRESS = 20
"""Device logins that an address may begin in a minute."""
AT_MOST = 5000
CLIENT_AT_MOST = 100

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so no words; nothing that looks or sounds like a digit (RFC 8628, section 6.1)."""
LETTERS = 8


@dataclass(frozen=True, slots=True)
class Begun:
    """What the device is told: its own secret, and the code that its user types."""

    device_code: str
    user_code: str


@dataclass(frozen=True, slots=True)
class Asking:
    """What the person who approves is told of the device. All but the address is what it says of itself."""

    user_code: str
    client: str
    address: str


class Devices:
    """Device logins from the first request to the token."""

    def __init__(self, authenticator: Authenticator, db: Database, now: Callable[[], float]) -> None:
        self._authenticator = authenticator
        self._db = db
        self._now = now
        self._guesses = Throttle(db, now)

    async def begin(self, client: str, origin: Origin) -> Begun:
        """A login that waits for approval. Raises TooManyRequests."""
        begun = Begun(tokens.generate(Kind.DEVICE), "".join(secrets.choice(ALPHABET) for _ in range(LETTERS)))
        said = "".join(letter if letter.isprintable() else "\ufffd" for letter in client[:CLIENT_AT_MOST])
        known = {"client": said, "address": origin.address}
        until = self._now() + LIFETIME
        row = DeviceRow(tokens.fingerprint(begun.device_code), begun.user_code, known, WAITING, None, until)
        await self._db.write(_begin, row, f"device@{network_of(origin.address)}", self._now())
        return begun

    async def find(self, by: Caller, typed: str) -> Asking:
        """The device that shows this code. Raises AccountUnknown, and TooManyRequests after too many guesses."""
        guesser = f"device {by.name}"  # no account can be called so: guesses do not count as failed passwords
        await self._guesses.require_open(guesser, by.origin.address)
        row = await self._db.read(devices.by_code, normal(typed))
        if row is None or row.state != WAITING or row.expires_at <= self._now():
            await self._guesses.failed(guesser, by.origin.address)
            raise AccountUnknown("no device waits with this code: it was mistyped, has been used, or is too old")
        return Asking(row.user_code, str(row.client["client"]), str(row.client["address"]))

    async def approve(self, by: Caller, typed: str) -> Asking:
        """Let the device log in as the caller, once. Raises as :meth:`find` does."""
        return await self._decide(by, typed, APPROVED)

    async def deny(self, by: Caller, typed: str) -> Asking:
        """Turn the device away. Raises as :meth:`find` does."""
        return await self._decide(by, typed, DENIED)

    async def _decide(self, by: Caller, typed: str, state: str) -> Asking:
        asking = await self.find(by, typed)
        if not await self._db.write(_decide, by, asking.user_code, state):
            raise AccountUnknown("this code was approved or denied meanwhile")
        return asking

    async def collect(self, device_code: str, origin: Origin) -> tuple[str, Login]:
        """The account and its login, once it was approved; then the code is spent. Raises DeviceLoginOpen."""
        now, hash = self._now(), tokens.fingerprint(device_code)
        row = None
        if tokens.kind_of(device_code) is Kind.DEVICE:
            row = await self._db.read(devices.by_hash, hash)
        if row is None or row.expires_at <= now:
            raise DeviceLoginOpen("expired_token", "the code is too old, or was used: begin again")
        if row.state == WAITING:
            raise await self._pending(row, now)
        return await self._collect(row, now, origin)

    async def _pending(self, row: DeviceRow, now: float) -> DeviceLoginOpen:
        await self._db.write(devices.polled, row.hash, now)
        if row.polled_at is not None and now - row.polled_at < INTERVAL - HASTE:
            return DeviceLoginOpen("slow_down", f"asked too often: wait {INTERVAL} seconds longer each time")
        return DeviceLoginOpen("authorization_pending", "nobody has approved the code yet")

    async def _collect(self, row: DeviceRow, now: float, origin: Origin) -> tuple[str, Login]:
        identity = None
        if row.state == APPROVED and row.account is not None:
            snapshot = await self._authenticator.directory.current()
            generation = int(str(row.client["generation"]))
            identity = snapshot.identity(row.account, str(row.client["credential"]), now, generation)
        if identity is None:
            await self._db.write(devices.remove, row.hash)
            raise DeviceLoginOpen("access_denied", "the log-in was denied")
        login = Login(tokens.generate(Kind.LOGIN), now + tokens.LIFETIME)
        fingerprint = tokens.fingerprint(login.token)
        new = NewLogin(fingerprint, Kind.LOGIN.name.lower(), identity.credential, now, login.expires_at)
        told = _told(row, identity.name, origin, now)
        if not await self._db.write(_collect, row.hash, identity.name, identity.generation, new, told):
            raise DeviceLoginOpen("expired_token", "the code was used, or the account has changed: begin again")
        return identity.name, login


def normal(typed: str) -> str:
    """The code as it is stored, however it was typed."""
    return "".join(letter for letter in typed[:40].upper() if letter.isalnum())


def shown(user_code: str) -> str:
    """The code as people read it."""
    return f"{user_code[:4]}-{user_code[4:]}"


def _begin(tx: Connection, row: DeviceRow, key: str, now: float) -> None:
    devices.remove_expired(tx, now)
    window = int(now // WINDOW)
    begun = failures.counts(tx, (key,), window).get(key, 0)
    if begun >= PER_ADDRESS or devices.waiting(tx) >= AT_MOST:
        raise TooManyRequests("too many device logins were begun: try again in a minute", retry_after=WINDOW)
    failures.add(tx, (key,), window)
    devices.add(tx, row)


def _decide(tx: Connection, by: Caller, user_code: str, state: str) -> bool:
    row = devices.by_code(tx, user_code)
    if row is None:
        return False
    proof = {"generation": by.identity.generation, "credential": by.identity.credential}
    if not devices.decide(tx, row, state, by.name, {**row.client, **proof}):
        return False
    detail = {"client": row.client["client"], "address": row.client["address"]}
    audit.add(tx, by.entry("device.approve" if state == APPROVED else "device.deny", detail=detail))
    return True


def _collect(tx: Connection, hash: str, name: str, generation: int, new: NewLogin, told: Entry) -> bool:
    # Whoever removes the row has the login: of two questions at once only one does.
    if not devices.remove(tx, hash) or not accounts.add_login(tx, name, generation, new):
        return False
    audit.add(tx, told)
    return True


def _told(row: DeviceRow, name: str, origin: Origin, now: float) -> Entry:
    entry = Entry(at=now, action="login", account=name, address=origin.address, client=origin.agent)
    return replace(entry, request=origin.request, detail={"method": "device", "client": row.client["client"]})
