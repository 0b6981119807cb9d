"""Who would administer everything if the changes of a plan were made. Pure.

Only what says that is looked at: people, their groups, roles, grants on everything, and denies.
"""

from collections.abc import Iterable
from dataclasses import replace

from wharfinger.access import changes, patterns, snapshot
from wharfinger.access.grants import GROUP
from wharfinger.access.planning import Change
from wharfinger.access.policy_reading import Problem
from wharfinger.access.policy_things import Group, Member, Role
from wharfinger.meta.grants import Everything, GrantRow
from wharfinger.meta.policies import Stored


def problems(stored: Stored, made: Iterable[Change], now: float) -> tuple[Problem, ...]:
    """That nobody would be left who may undo it, as applying would refuse; unless there is nobody now either.

    Somebody whom an identity provider put into a group as well, and the file no longer does, is taken to be out of it.
    """
    before = _wide(stored.everything)
    after = _wide(_changed(before, made))
    if not changes.leaves_nobody(snapshot.build(before), snapshot.build(after), now):
        return ()
    return (Problem(None, "access", changes.NOBODY_LEFT),)


def _wide(everything: Everything) -> Everything:
    wide = [row for row in everything.grants if row.deny or row.pattern == str(patterns.EVERYTHING)]
    return replace(everything, grants=wide, secrets=[], issuers=[], trusts=[], keys=[])


def _changed(before: Everything, made: Iterable[Change]) -> Everything:
    roles, members, grants = dict(before.roles), set(before.members), list(before.grants)
    for change in made:
        match change.before, change.after:
            case _, Role() as role:
                roles[role.name] = list(role.actions)
            case Role() as role, None:
                roles.pop(role.name, None)
            case _, Member() as member:
                members.add((member.group, member.account))
            case Member() as member, None:
                members.discard((member.group, member.account))
            case Group() as group, None:
                members = {each for each in members if each[0] != group.name}
                grants = [row for row in grants if row.principal != f"{GROUP}{group.name}"]
            case _, GrantRow() as row:
                grants.append(replace(row, id=0))
            case GrantRow(), None:
                grants = [row for row in grants if row.id != change.id]
    return replace(before, roles=roles, members=sorted(members), grants=grants)
