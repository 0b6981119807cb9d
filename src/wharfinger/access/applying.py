"""Makes the changes of a plan in one transaction, each with its audit record, each only if the caller may make it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from wharfinger.access import actions, granting, patterns
from wharfinger.access.caller import Caller
from wharfinger.access.grants import GROUP, Grant, Policy, may_hand_out
from wharfinger.access.planning import Change, Kind, Plan
from wharfinger.access.policy_things import Group, Issuer, Item, Member, Role, Service, Trust, detail
from wharfinger.access.snapshot import Snapshot
from wharfinger.errors import Denied
from wharfinger.meta import accounts, audit, grants, policy_sections, trusts
from wharfinger.meta.accounts import SERVICE, Account
from wharfinger.meta.grants import GrantRow, IssuerRow, TrustRow
from wharfinger.meta.policies import Stored

_VERBS: Mapping[Kind, str] = {Kind.ADD: "add", Kind.CHANGE: "change", Kind.REMOVE: "remove"}
_NOUNS: Mapping[str, str] = {"service_account": "account"}
_WORDS: Mapping[str, str] = {"role.add": "role.put", "role.change": "role.put"}
"""The trail's words, where they are not the noun and the verb."""


@dataclass(frozen=True, slots=True)
class Apply:
    """One application of a plan: by whom, on what was true before, at what time."""

    tx: Connection
    by: Caller
    before: Snapshot
    stored: Stored
    generation: int
    now: float

    def all(self, plan: Plan) -> None:
        """Every change, in the plan's order. Raises Denied for what the caller may not give or take away."""
        giving = _Giving.of(self)
        for change in plan.changes:
            giving.require(change)
            self._make(change)
            self._record(change)
        for word, body in plan.sections.items():
            policy_sections.write(self.tx, word, body, self.now)
        told = {"hash": plan.hash, "changes": len(plan.changes), "prune": plan.prune}
        audit.add(self.tx, self.by.entry("policy.apply", detail=told))

    def _make(self, change: Change) -> None:
        if not isinstance(change.thing, Item):  # those are written with the whole of their section
            _MAKERS[type(change.thing)](self, change)

    def _record(self, change: Change) -> None:
        sides = {"before": change.before, "after": change.after}
        told = {side: None if thing is None else detail(thing) for side, thing in sides.items()}
        word = f"{_NOUNS.get(change.noun, change.noun)}.{_VERBS[change.kind]}"
        audit.add(
            self.tx, self.by.entry(_WORDS.get(word, word), detail=told | ({"id": change.id} if change.id else {}))
        )

    # --- one for each kind of thing

    def role(self, change: Change) -> None:
        match change.after, change.before:
            case Role() as role, _:
                grants.put_role(self.tx, role.name, role.actions)
            case None, Role() as role:
                grants.remove_role(self.tx, role.name)

    def group(self, change: Change) -> None:
        match change.after, change.before:
            case Group() as group, _:
                grants.add_group(self.tx, group.name, self.now)
            case None, Group() as group:
                grants.remove_group(self.tx, group.name)

    def member(self, change: Change) -> None:
        match change.after, change.before:
            case Member() as member, _:
                grants.add_member(self.tx, member.group, member.account)
            case None, Member() as member:
                grants.remove_member(self.tx, member.group, member.account)

    def service(self, change: Change) -> None:
        match change.after, change.before:
            case Service() as service, None:
                made = Account(service.name, "", service.disabled, self.generation, self.now, SERVICE, service.owner)
                accounts.add(self.tx, made)
            case Service() as service, _:
                account = accounts.require(self.tx, service.name, SERVICE)
                fields: dict[str, Any] = {"disabled": service.disabled, "owner": service.owner}
                accounts.update_account(self.tx, replace(account, generation=self.generation, **fields))
            case None, Service() as service:
                accounts.remove(self.tx, service.name)

    def issuer(self, change: Change) -> None:
        match change.after, change.before:
            case Issuer() as issuer, _:
                row = IssuerRow(issuer.url, issuer.audience, issuer.jwks, issuer.private, self.now)
                (trusts.update_issuer if change.before else trusts.add_issuer)(self.tx, row)
            case None, Issuer() as issuer:
                trusts.remove_issuer(self.tx, issuer.url)

    def trust(self, change: Change) -> None:
        match change.after:
            case Trust() as trust:
                id = accounts.begin_change(self.tx)  # a number of its own, which no other rule had or will have
                trusts.add_trust(
                    self.tx, TrustRow(id, trust.issuer, trust.account, trust.values, self.now, self.by.name)
                )
            case None:
                row = next(row for row in self.stored.everything.trusts if row.id == change.id)
                trusts.remove_trust(self.tx, row)

    def grant(self, change: Change) -> None:
        match change.after:
            case GrantRow() as row:
                grants.add_grant(self.tx, replace(row, created_at=self.now, created_by=self.by.name))
            case None:
                grants.remove_grant(self.tx, change.id)


_MAKERS: Mapping[type, Callable[[Apply, Change], None]] = {
    Role: Apply.role,
    Group: Apply.group,
    Member: Apply.member,
    Service: Apply.service,
    Issuer: Apply.issuer,
    Trust: Apply.trust,
    GrantRow: Apply.grant,
}


@dataclass(frozen=True, slots=True)
class _Giving:
    """What the caller may hand out, judged on what was true before: nobody rises by the file that they apply."""

    apply: Apply
    own: Snapshot
    by_principal: Mapping[str, tuple[Grant, ...]]

    @classmethod
    def of(cls, apply: Apply) -> "_Giving":
        """With the caller's own grants alone, so that a thousand changes do not look at ten thousand grants each."""
        by, before = apply.by, apply.before
        identity = before.identity(by.name, by.identity.credential, apply.now, by.identity.generation)
        if identity is None:
            raise Denied(f"{by.name} has changed meanwhile: log in again")
        own = tuple(grant for grant in before.policy.grants if grant.principal in identity.principals)
        by_principal: dict[str, tuple[Grant, ...]] = {}
        for grant in before.policy.grants:
            by_principal[grant.principal] = (*by_principal.get(grant.principal, ()), grant)
        return cls(apply, replace(before, policy=Policy(own)), by_principal)

    def require(self, change: Change) -> None:
        """Raise Denied unless the caller holds what the change gives or takes away, wherever it counts."""
        for side in (change.before, change.after):
            match side:
                case GrantRow() as row:
                    self._require_grant(row, new=side is change.after)
                case Role() as role:
                    self._require_all([_everywhere(role)])
                case Group() as group:
                    self._require_all(self.by_principal.get(f"{GROUP}{group.name}", ()))
                case Member() as member:
                    self._require_all(self.by_principal.get(f"{GROUP}{member.group}", ()))
                case Service() as service:
                    self._require_account(service.name)
                case Trust() as trust:
                    self._require_account(trust.account)
                case Issuer() as issuer:
                    self._require_issuer(issuer.url)
                case Item() | None:
                    pass

    def _require_grant(self, row: GrantRow, *, new: bool) -> None:
        roles = {name: actions.parse_actions(words) for name, words in grants.own_roles(self.apply.tx).items()}
        known = replace(self.own, roles=dict(self.own.roles) | roles)
        if row.role not in known.roles:
            return  # it grants nothing: its role is gone
        grant = granting.require_may_hand_out(known, self.apply.by, row, self.apply.now)
        if new:
            granting.require_sensible(grant)
            granting.require_hides_nothing(self.apply.before, self.apply.by, grant, self.apply.now)

    def _require_issuer(self, url: str) -> None:
        """Alone it lets nobody do anything; together with its rules it does."""
        for rule in self.apply.before.trusts:
            if rule.issuer == url:
                self._require_account(rule.account)

    def _require_account(self, name: str) -> None:
        known = self.apply.before.accounts.get(name)
        for principal in known.identity.principals if known else ():
            self._require_all(self.by_principal.get(principal, ()))

    def _require_all(self, wanted: Iterable[Grant]) -> None:
        by, now = self.apply.by, self.apply.now
        identity = self.own.identity(by.name, by.identity.credential, now, by.identity.generation)
        assert identity is not None, "seen in of()"
        for grant in wanted:
            decision = may_hand_out(self.own.policy, identity, grant, now, by.origin.address)
            if not decision.allowed:
                raise Denied(decision.reason)


def _everywhere(role: Role) -> Grant:
    """A role counts wherever it is granted, so whoever changes it must hold it everywhere."""
    words = actions.parse_actions(role.actions)
    return Grant(0, "", role.name, patterns.EVERYTHING, words)
