"""What every change of access has in common: one at a time, on what is true then, and an administrator is left."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from wharfinger.access import snapshot
from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.access.grants import Policy, decide
from wharfinger.access.snapshot import Snapshot
from wharfinger.errors import Denied, InUse
from wharfinger.meta import accounts, grants
from wharfinger.meta.accounts import PERSON


def begin(tx: Connection) -> tuple[int, Snapshot]:
    """The generation of what changes, and all there is before it; nobody else changes access until the commit."""
    generation = accounts.begin_change(tx)
    return generation, now_stored(tx)


def now_stored(tx: Connection) -> Snapshot:
    """All there is at this point of the transaction."""
    return snapshot.build(grants.everything(tx))


def still(before: Snapshot, by: Caller, now: float) -> Caller:
    """The caller, to be decided on what is true in this transaction instead of what was when the request began.

    Raises Denied when the account or what it came with has changed meanwhile.
    """
    identity = before.identity(by.name, by.identity.credential, now, by.identity.generation)
    if identity is None:
        raise Denied(f"{by.name} has changed meanwhile: log in again")
    return Caller(identity, before, now, by.origin)


@contextmanager
def keeping_an_administrator(tx: Connection, before: Snapshot, now: float) -> Iterator[None]:
    """Refuse with InUse what would leave nobody who may undo it, unless there was nobody before."""
    yield
    if administrators(before, now) and not administrators(now_stored(tx), now):
        raise InUse("then nobody would be left who administers everything: let somebody else do so first")


def administrators(known: Snapshot, now: float) -> list[str]:
    """The people who administer everything: enabled, from anywhere, and without an end."""
    lasting = Policy(tuple(g for g in known.policy.grants if g.deny or (g.until is None and not g.networks)))
    return [
        name
        for name, each in known.accounts.items()
        if each.account.kind == PERSON
        and not each.account.disabled
        and decide(lasting, each.identity, Action.ADMIN, now=now).allowed
    ]
