"""A policy file as if it were in force, without a server: to explain and to test it. Pure."""

from dataclasses import replace

from wharfinger.access import snapshot
from wharfinger.access.actions import ROLES
from wharfinger.access.explaining import Subject
from wharfinger.access.grants import ANONYMOUS, GROUP, Identity
from wharfinger.access.policy_file import Access
from wharfinger.access.policy_reading import Problem, refusal
from wharfinger.access.snapshot import Snapshot
from wharfinger.meta.accounts import PERSON, SERVICE, Account
from wharfinger.meta.grants import Everything, TrustRow

NOTHING = Snapshot()
"""Nobody, and nothing granted."""


def in_force(access: Access) -> Snapshot:
    """The snapshot that there would be if the file were all there is. Its grants are numbered from one, in their order.

    People are those whom the file mentions, all let in. Raises RequestInvalid for a role or a group that it lacks.
    """
    roles = dict(access.roles or {})
    problems = [
        Problem(access.places.get(f"access.grants[{i}].{key}"), f"access.grants[{i}].{key}", said)
        for i, row in enumerate(access.grants or ())
        for key, said in _missing(row.role, row.principal, access)
    ]
    if problems:
        raise refusal(problems)
    rows = Everything(
        revision=0,
        accounts=[*_services(access), *_people(access)],
        members=[(group, name) for group, names in (access.groups or {}).items() for name in names],
        roles={name: list(words) for name, words in roles.items()},
        grants=[replace(row, id=i) for i, row in enumerate(access.grants or (), start=1)],
        secrets=[],
        issuers=[],
        trusts=[
            TrustRow(i, t.issuer, t.account, t.values, 0.0, "") for i, t in enumerate(access.trusts or (), start=1)
        ],
        keys=[],
    )
    return snapshot.build(rows)


def subject(known: Snapshot, who: Subject) -> Subject:
    """The same; whom the file does not mention is a person without any grant of their own."""
    if who.barred and who.name not in known.accounts:
        return replace(who, barred="", identity=Identity(who.name, (who.name,)))
    return who


def group_missing(principal: str, access: Access) -> str:
    """That the file lacks the group which somebody is asked to be in; empty where it does not. Else a typo is a no."""
    if principal.startswith(GROUP) and principal.removeprefix(GROUP) not in (access.groups or {}):
        return f"there is no {principal} in the file"
    return ""


def _missing(role: str, principal: str, access: Access) -> list[tuple[str, str]]:
    found = []
    if role not in ROLES and role not in (access.roles or {}):
        found.append(("role", f"no such role {role} in the file"))
    if said := group_missing(principal, access):
        found.append(("principal", said))
    return found


def _services(access: Access) -> list[Account]:
    found = (access.services or {}).values()
    return [Account(each.name, "", each.disabled, 0, 0.0, SERVICE, each.owner) for each in found]


def _people(access: Access) -> list[Account]:
    named = {row.principal for row in access.grants or () if not row.principal.startswith(GROUP)} - {ANONYMOUS}
    named |= {name for names in (access.groups or {}).values() for name in names}
    named |= {each.owner for each in (access.services or {}).values() if each.owner}
    return [
        Account(name, "", disabled=False, generation=0, created_at=0.0, kind=PERSON)
        for name in sorted(named - (access.services or {}).keys())
    ]
