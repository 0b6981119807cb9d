"""What every change of access has in common.

One at a time, on what is true then; nobody makes anybody able to do what they cannot do themselves; and somebody is
left who can undo everything.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import Connection

from wharfinger.access import patterns, snapshot
from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.access.grants import GROUP, Grant, Policy, decide, may_hand_out
from wharfinger.access.snapshot import Snapshot
from wharfinger.errors import Denied, InUse
from wharfinger.meta import accounts, grants
from wharfinger.meta.accounts import PERSON
from wharfinger.meta.grants import Everything

EVERYTHING = Grant(0, "", "administrator", patterns.EVERYTHING, frozenset(Action))
"""All that can be granted at all."""
NOBODY_LEFT = "then nobody would be left who administers everything: let somebody else do so first"


def begin(tx: Connection, by: Caller) -> tuple[int, Snapshot]:
    """The generation of what changes, and all there is before it; nobody else changes access until the commit.

    What the caller was decided on is all there is if nobody has changed anything since: the revision says so. Only else
    is everything read here, where with thousands of grants it holds up every other write.
    """
    generation = accounts.begin_change(tx)
    return generation, by.snapshot if by.snapshot.revision == generation - 1 else now_stored(tx)


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
    if leaves_nobody(before, wide(tx), now):
        raise InUse(NOBODY_LEFT)


def leaves_nobody(before: Snapshot, after: Snapshot, now: float) -> bool:
    """Whether there was somebody who may undo everything, and then there is nobody."""
    return any(left(before, now) and not left(after, now) for left in (administrators, unlimited))


def administrators(known: Snapshot, now: float) -> list[str]:
    """The people who administer everything: enabled, from anywhere, and without an end."""
    return _administrators(known, _lasting(known), now)


def unlimited(known: Snapshot, now: float) -> list[str]:
    """Those of them who can undo everything: a deny about oneself one cannot take back."""
    lasting = _lasting(known)
    found = _administrators(known, lasting, now)
    return [name for name in found if may_hand_out(lasting, known.accounts[name].identity, EVERYTHING, now).allowed]


def _administrators(known: Snapshot, lasting: Policy, now: float) -> list[str]:
    return [
        name
        for name, each in known.accounts.items()
        if each.account.kind == PERSON
        and not each.account.disabled
        and decide(lasting, each.identity, Action.ADMIN, now=now).allowed
    ]


def _lasting(known: Snapshot) -> Policy:
    """What counts always and everywhere, and all denies. A narrower grant lets nobody administer everything."""
    return Policy(
        tuple(
            grant
            for grant in known.policy.grants
            if grant.deny or (grant.pattern == patterns.EVERYTHING and grant.until is None and not grant.networks)
        )
    )


def wide(tx: Connection) -> Snapshot:
    """As much of what is stored as says who administers everything."""
    everything = Everything(
        revision=0,
        accounts=accounts.every(tx),
        members=grants.members(tx),
        roles=grants.own_roles(tx),
        grants=grants.wide_grants(tx),
        secrets=[],
        issuers=[],
        trusts=[],
        keys=[],
    )
    return snapshot.build(everything)


def require_holds(before: Snapshot, by: Caller, wanted: Iterable[Grant], now: float) -> None:
    """Raise Denied unless the caller may hand all of this out, by what is true in this transaction.

    Where it is not a grant that changes but who has it: a role's actions, a group's members, a password.
    """
    if by.is_system:
        return
    identity = still(before, by, now).identity
    own = Policy(tuple(grant for grant in before.policy.grants if grant.principal in identity.principals))
    for grant in wanted:
        decision = may_hand_out(own, identity, grant, now, by.origin.address)
        if not decision.allowed:
            raise Denied(decision.reason)


def require_holds_role(before: Snapshot, by: Caller, role: str, words: Iterable[Action], now: float) -> None:
    """The same of a role, before and after a change of it: it counts wherever it is granted, so everywhere."""
    sides = (before.roles.get(role, frozenset()), frozenset(words))
    require_holds(before, by, (replace(EVERYTHING, role=role, actions=side) for side in sides), now)


def require_holds_group(before: Snapshot, by: Caller, group: str, now: float) -> None:
    """The same of all that is granted and denied to a group."""
    require_holds(before, by, _current(before, {f"{GROUP}{group}"}, now), now)


def require_outranks(before: Snapshot, by: Caller, account: str, now: float) -> None:
    """The same of all that an account may do: whoever lets somebody into it hands that out."""
    known = before.accounts.get(account)
    if known is not None and not (account == by.name and by.identity.limits is None):
        held = _current(before, set(known.identity.principals), now)
        require_holds(before, by, (grant for grant in held if not grant.deny), now)


def _current(before: Snapshot, principals: set[str], now: float) -> list[Grant]:
    return [grant for grant in before.policy.grants if grant.principal in principals and grant.is_in_force(now)]
