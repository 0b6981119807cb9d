"""The regular review: what of the present access nobody needs, nobody looks after, or is more than it should be. Pure.

Every finding has a reason and the exact commands that put it right; nothing is changed by looking.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from shlex import quote

from wharfinger.access import actions, changes, explaining, patterns, providers, usage
from wharfinger.access.actions import Action
from wharfinger.access.findings import Finding, Severity
from wharfinger.access.grants import ANONYMOUS, GROUP, Grant, Policy
from wharfinger.access.moments import written
from wharfinger.access.snapshot import Snapshot
from wharfinger.access.usage import Used
from wharfinger.meta.accounts import SERVICE
from wharfinger.meta.grants import GrantRow, SecretRow
from wharfinger.meta.policies import Stored
from wharfinger.meta.review import Use

DAY = 86400.0
OLD, VERY_OLD = 90, 180
"""Days after which a secret should have been rotated, and must have been."""
JUDGED_AFTER = 30
"""Days of which the trail must tell before anything is said to be unused."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is looked at. ``since`` is where the period begins, as far back as the trail goes."""

    stored: Stored
    snapshot: Snapshot
    used: Mapping[int, Used]
    since: float
    now: float
    judges_use: bool

    @property
    def grants(self) -> Sequence[tuple[GrantRow, Grant]]:
        return tuple(zip(self.stored.everything.grants, self.snapshot.policy.grants, strict=True))

    def members(self, principal: str) -> list[str]:
        """Who is in the group, or the account itself."""
        if not principal.startswith(GROUP):
            return [principal]
        group = principal.removeprefix(GROUP)
        return [account for each, account in self.stored.everything.members if each == group]


@dataclass(frozen=True, slots=True)
class Review:
    """What was found, the worst first; and what has to be known to read it."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    since: float
    until: float


def review(stored: Stored, snapshot: Snapshot, use: Use, *, days: int, now: float) -> Review:
    """Everything that there is to find."""
    asked = now - days * DAY
    since = max(asked, use.begins if use.begins is not None else now)
    judges = use.whole and now - since >= min(days, JUDGED_AFTER) * DAY - 1
    facts = Facts(stored, snapshot, usage.by_grant(use.rows), since, now, judges)
    found = [finding for check in CHECKS for finding in check(facts)]
    found.sort(key=lambda finding: (-finding.severity, finding.rule, finding.subject))
    return Review(tuple(found), tuple(_notes(use, facts, asked)), since, now)


def _notes(use: Use, facts: Facts, asked: float) -> Iterator[str]:
    if not use.whole:
        yield "there is more in the audit trail than is summed up at once: nothing is said to be unused"
    elif not facts.judges_use:
        yield f"the audit trail begins {_when(facts.since)}: too late to say that anything is unused"
    elif facts.since > asked + 1:
        yield f"the audit trail begins {_when(facts.since)}: use is judged from then on"


# --- grants


def _lasting(facts: Facts) -> Iterator[tuple[GrantRow, Grant]]:
    """The grants that count, without denies."""
    for row, grant in facts.grants:
        if not grant.deny and grant.is_in_force(facts.now) and grant.actions:
            yield row, grant


def unused_grants(facts: Facts) -> Iterator[Finding]:
    """Nobody used it, though it was there all the time. Reading the trail leaves no record, so that is not judged."""
    if not facts.judges_use:
        return
    for row, grant in _lasting(facts):
        hidden = Action.AUDIT in grant.actions and Action.ADMIN not in grant.actions
        if grant.id in facts.used or row.created_at > facts.since or hidden:
            continue
        severity = Severity.HIGH if grant.actions & {Action.DELETE, Action.ADMIN} else Severity.MEDIUM
        reason = f"nobody used {_said(row)} since {_when(facts.since)}"
        yield Finding("grant-unused", severity, _name(grant), reason, _remove(facts, grant))


def wide_grants(facts: Facts) -> Iterator[Finding]:
    """A smaller role, a narrower pattern or both would have been enough for everything that was done by it."""
    if not facts.judges_use:
        return
    for row, grant in _lasting(facts):
        used = facts.used.get(grant.id)
        if used is None or used.actions is None or row.created_at > facts.since or Action.AUDIT in grant.actions:
            continue
        enough = _enough(facts, grant, used)
        if enough == grant:
            continue
        spare = grant.actions - enough.actions
        told = [f"never used: {', '.join(actions.ordered(spare))}"] if spare else []
        if enough.pattern != grant.pattern:
            told.append(f"used only in {enough.pattern}")
        reason = f"{_said(row)} is more than was used since {_when(facts.since)}: {'; '.join(told)}"
        severity = Severity.MEDIUM if spare & {Action.DELETE, Action.ADMIN} else Severity.LOW
        commands = (*_instead(facts, enough), *_remove(facts, grant))
        yield Finding("grant-wider-than-used", severity, _name(grant), reason, commands)


def _enough(facts: Facts, grant: Grant, used: Used) -> Grant:
    """The narrowest grant that would have done, by the roles that there are; the grant itself where none is less."""
    needed = (used.actions or frozenset()) & grant.actions
    roles = [(len(words), name) for name, words in facts.snapshot.roles.items() if needed <= words < grant.actions]
    role = min(roles)[1] if roles and needed else grant.role
    narrower = used.pattern is not None and used.pattern != grant.pattern and grant.pattern.contains(used.pattern)
    pattern = used.pattern if narrower and used.pattern is not None else grant.pattern
    return replace(grant, role=role, actions=facts.snapshot.roles[role], pattern=pattern)


def ended_grants(facts: Facts) -> Iterator[Finding]:
    """Ended, and still listed; or of a role that is gone."""
    for row, grant in facts.grants:
        if not grant.is_in_force(facts.now) and row.until is not None:
            reason = f"{_said(row)} ended {_when(row.until)}"
            yield Finding("grant-ended", Severity.LOW, _name(grant), reason, _remove(facts, grant))
        if not grant.actions:
            reason = f"{_said(row)} is of a role that is not there: it grants nothing"
            yield Finding("grant-without-role", Severity.LOW, _name(grant), reason, _remove(facts, grant))


def everywhere(facts: Facts) -> Iterator[Finding]:
    """Every repository there is and will be, for somebody who does not administer."""
    for row, grant in _lasting(facts):
        if grant.pattern != patterns.EVERYTHING or Action.ADMIN in grant.actions:
            continue
        changes = grant.actions & {Action.PUSH, Action.TAG, Action.DELETE}
        severity = Severity.HIGH if changes else Severity.MEDIUM
        if Action.AUDIT in grant.actions and not changes:
            severity = Severity.NOTE
        used = facts.used.get(grant.id)
        narrower = used.pattern if used and used.pattern not in {None, patterns.EVERYTHING} else None
        instead = () if narrower is None else _instead(facts, replace(grant, pattern=narrower))
        reason = f"{_said(row)} is about every repository, also those to come"
        yield Finding("grant-on-everything", severity, _name(grant), reason, (*instead, *_remove(facts, grant)))


def public(facts: Facts) -> Iterator[Finding]:
    """What everybody may pull."""
    for row, grant in _lasting(facts):
        if grant.principal == ANONYMOUS:
            severity = Severity.HIGH if grant.pattern == patterns.EVERYTHING else Severity.MEDIUM
            reason = f"{grant.pattern} is public: {_said(row)}"
            yield Finding("grant-to-everybody", severity, _name(grant), reason, _remove(facts, grant))


def deleters(facts: Facts) -> Iterator[Finding]:
    """Who can delete; that it is a service account, or that it administers, is more than a note."""
    services = {a.name for a in facts.stored.everything.accounts if a.kind == SERVICE}
    for row, grant in _lasting(facts):
        who = sorted(facts.members(grant.principal))
        machines = [name for name in who if name in services]
        if Action.DELETE in grant.actions and who:
            severity = Severity.MEDIUM if machines else Severity.NOTE
            reason = f"{_some(who)} can delete in {grant.pattern}: {_said(row)}"
            yield Finding("may-delete", severity, _name(grant), reason, _remove(facts, grant))
        if Action.ADMIN in grant.actions and machines:
            reason = f"{_some(machines)}, a service account, administers {grant.pattern}: {_said(row)}"
            yield Finding("administrator-is-a-service", Severity.HIGH, _name(grant), reason, _remove(facts, grant))


# --- secrets


def secrets(facts: Facts) -> Iterator[Finding]:
    """Old, unused, or without an end."""
    for row in facts.stored.everything.secrets:
        if row.expires_at is not None and row.expires_at <= facts.now:
            continue
        yield from _age(row, facts)
        yield from _idleness(row, facts)
        if row.expires_at is None:
            token = row.kind == "token"
            rule = "token-without-end" if token else "secret-without-end"
            severity = Severity.HIGH if token else Severity.MEDIUM
            yield Finding(rule, severity, _secret_name(row), f"{_which(row)} never expires", _rotate(row))


def _age(row: SecretRow, facts: Facts) -> Iterator[Finding]:
    days = int((facts.now - row.created_at) / DAY)
    if days >= OLD:
        severity = Severity.HIGH if days >= VERY_OLD else Severity.MEDIUM
        reason = f"{_which(row)} is {days} days old and was not rotated"
        yield Finding("secret-old", severity, _secret_name(row), reason, _rotate(row))


def _idleness(row: SecretRow, facts: Facts) -> Iterator[Finding]:
    if row.created_at > facts.now - JUDGED_AFTER * DAY:
        return
    if row.used_at is None or row.used_at < facts.since:
        when = "never" if row.used_at is None else f"last {_when(row.used_at)}"
        reason = f"{_which(row)} was {when} used"
        yield Finding("secret-unused", Severity.MEDIUM, _secret_name(row), reason, (_forget(row),))


def _rotate(row: SecretRow) -> tuple[str, ...]:
    if row.kind == "token":
        return (_forget(row),)
    return (f"wharf secret add {quote(row.account)} --label={quote(row.label)}", _forget(row))


def _forget(row: SecretRow) -> str:
    return f"wharf {'token' if row.kind == 'token' else 'secret'} rm {quote(row.id)}"


def _secret_name(row: SecretRow) -> str:
    return f"{'token' if row.kind == 'token' else 'secret'} {row.id}"


def _which(row: SecretRow) -> str:
    kind = "personal token" if row.kind == "token" else "secret"
    return f"{kind} {row.id} of {row.account}"


# --- accounts, groups, trust


def owners(facts: Facts) -> Iterator[Finding]:
    """A service account for which nobody answers."""
    accounts = {a.name: a for a in facts.stored.everything.accounts}
    for account in accounts.values():
        if account.kind != SERVICE or account.disabled:
            continue
        stop = (f"wharf sa disable {quote(account.name)}",)
        name, owner = f"account {account.name}", accounts.get(account.owner or "")
        if account.owner is None:
            reason = f"nobody answers for {account.name}: 'wharf sa owner {account.name} PERSON', or stop it"
            yield Finding("account-without-owner", Severity.MEDIUM, name, reason, stop)
        elif owner is None or owner.disabled:
            reason = f"{account.owner}, who answers for {account.name}, is {'locked out' if owner else 'gone'}"
            yield Finding("account-owner-gone", Severity.HIGH, name, reason, stop)


def disabled(facts: Facts) -> Iterator[Finding]:
    """Locked out, and would have it all again if let in."""
    rows: dict[str, list[GrantRow]] = {}
    for row in facts.stored.everything.grants:
        rows.setdefault(row.principal, []).append(row)
    for account in facts.stored.everything.accounts:
        held = rows.get(account.name, [])
        if account.disabled and held:
            reason = f"{account.name} is locked out, and still has {len(held)} grant{'s' if len(held) > 1 else ''}"
            commands = tuple(f"wharf grant rm {row.id}" for row in held[:20])
            name = f"account {account.name}"
            yield Finding("account-disabled-with-grants", Severity.LOW, name, reason, commands)


def groups(facts: Facts) -> Iterator[Finding]:
    """A group of nobody: whoever is put into it later gets what it has."""
    inhabited = {group for group, _ in facts.stored.everything.members}
    granted = {row.principal for row in facts.stored.everything.grants}
    for group in facts.stored.groups:
        if group not in inhabited:
            has = ", and something is granted to it" if f"{GROUP}{group}" in granted else ""
            reason = f"nobody is in the group {group}{has}"
            yield Finding("group-empty", Severity.LOW, f"group {group}", reason, (f"wharf group rm {quote(group)}",))


def trusts(facts: Facts) -> Iterator[Finding]:
    """A rule on names lets in whoever comes to have the name."""
    for row in facts.stored.everything.trusts:
        if not providers.is_bound_to_an_id(row.issuer, row.claims):
            claims = ", ".join(sorted(row.claims))
            reason = f"trust {row.id} lets workloads of {row.issuer} be {row.account} by names alone ({claims})"
            yield Finding("trust-on-names", Severity.HIGH, f"trust {row.id}", reason, (f"wharf trust rm {row.id}",))


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (
    unused_grants,
    wide_grants,
    ended_grants,
    everywhere,
    public,
    deleters,
    secrets,
    owners,
    disabled,
    groups,
    trusts,
)
"""Every check there is."""


def _name(grant: Grant) -> str:
    return f"grant {grant.id}"


def _remove(facts: Facts, grant: Grant) -> tuple[str, ...]:
    """The command that takes it back; none for the one without which nobody would administer everything."""
    if Action.ADMIN in grant.actions and grant.pattern == patterns.EVERYTHING:
        left = Policy(tuple(each for each in facts.snapshot.policy.grants if each is not grant))
        if not changes.unlimited(replace(facts.snapshot, policy=left), facts.now):
            return ()
    return (f"wharf grant rm {grant.id}",)


def _instead(facts: Facts, wanted: Grant) -> tuple[str, ...]:
    """The command that makes it; none where it is there."""
    there = any(replace(grant, id=wanted.id) == wanted for _, grant in facts.grants)
    return () if there else (explaining.command(wanted),)


def _said(row: GrantRow) -> str:
    return f"grant {row.id} ({row.principal} {row.role} on {row.pattern})"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}"


def _when(seconds: float) -> str:
    return written(float(int(seconds)))
