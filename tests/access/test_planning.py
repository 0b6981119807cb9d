"""Planning compares, applying makes it so: all or nothing, once, and nobody rises by it."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from tests.access.random_access import GROUPS, NOW, OWN_ROLE, PEOPLE, SERVICES, UNHURRIED, rows
from tests.conftest import Registry
from wharfinger.access import planning, policy_file, policy_text
from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.access.planning import Kind, Plan
from wharfinger.errors import Denied, InUse, PreconditionFailed, Refusal, RequestInvalid
from wharfinger.meta import accounts, grants, policies
from wharfinger.meta.accounts import PERSON, SERVICE, Account
from wharfinger.meta.grants import Everything, GrantRow, IssuerRow, TrustRow
from wharfinger.meta.policies import Stored

POLICY = """
version: 1
access:
  roles: {releaser: [pull, push]}
  groups: {shop: [a-reader]}
  service_accounts: [{name: ci, owner: a-reader}]
  grants:
    - {principal: a-administrator, role: administrator, on: "**"}
    - {principal: ci, role: releaser, on: shop/**}
    - {principal: 'group:shop', role: maintainer, on: shop/**, tags: [dev-*]}
  issuers: [{url: https://ci.example.org, audience: registry}]
  trust: [{issuer: https://ci.example.org, account: ci, claims: {repository_id: "7"}}]
"""
GRANTS_ONLY = 'version: 1\naccess:\n  grants: [{principal: a-administrator, role: administrator, on: "**"}]\n'


async def caller(registry: Registry, role: str = "administrator") -> Caller:
    name = f"a-{role}"
    known = await registry.services.authenticator.directory.current()
    identity = known.identity(name, "password", registry.clock())
    assert identity is not None
    return Caller(identity, known, registry.clock())


async def apply(registry: Registry, policy: str, *, prune: bool = False, hash: str | None = None) -> Plan:
    return await registry.services.policies.apply(await caller(registry), policy, prune=prune, hash=hash)


async def stored(registry: Registry) -> Stored:
    return await registry.services.db.read(policies.stored)


def audited(tx: Connection) -> list[tuple[str, str, dict[str, object]]]:
    found = tx.execute(text("SELECT action, account, detail FROM audit_records ORDER BY id"))
    return [(action, who, json.loads(detail)) for action, who, detail in found if not who.startswith("system:")]


async def test_what_is_planned_is_made_and_then_there_is_nothing_left_to_do(registry: Registry) -> None:
    plan = await registry.services.policies.plan(POLICY, prune=True)
    assert plan.problems == ()
    made = await apply(registry, POLICY, prune=True, hash=plan.hash)
    assert made.changes == plan.changes
    again = await registry.services.policies.plan(POLICY, prune=True)
    assert (again.changes, again.kept, again.problems) == ((), (), ())


async def test_applied_twice_it_changes_nothing_not_even_the_revision(registry: Registry) -> None:
    await apply(registry, POLICY, prune=True)
    before = await stored(registry)
    assert (await apply(registry, POLICY, prune=True)).changes == ()
    assert await stored(registry) == before


async def test_what_was_exported_changes_nothing(registry: Registry) -> None:
    await apply(registry, POLICY)
    exported = await registry.services.policies.export()
    plan = await registry.services.policies.plan(exported.text, prune=True)
    assert (plan.changes, plan.problems, plan.revision) == ((), (), exported.revision)


async def test_nothing_is_taken_away_without_prune(registry: Registry) -> None:
    plan = await registry.services.policies.plan(GRANTS_ONLY, prune=False)
    assert plan.changes == ()
    assert {change.text.split(": ")[1].split()[0] for change in plan.kept} == {
        "a-reader",
        "a-publisher",
        "a-maintainer",
        "a-auditor",
    }
    before = await stored(registry)
    await apply(registry, GRANTS_ONLY)
    assert await stored(registry) == before
    await apply(registry, GRANTS_ONLY, prune=True)
    assert [row.principal for row in (await stored(registry)).everything.grants] == ["a-administrator"]


async def test_a_section_that_is_left_out_is_not_touched(registry: Registry) -> None:
    await apply(registry, POLICY)
    await apply(registry, GRANTS_ONLY, prune=True)
    after = await stored(registry)
    assert (after.groups, after.local_members) == (["shop"], [("shop", "a-reader")])
    assert [row.account for row in after.everything.trusts] == ["ci"]


async def test_a_plan_is_refused_once_access_has_changed(registry: Registry) -> None:
    plan = await registry.services.policies.plan(POLICY, prune=False)
    await apply(registry, "version: 1\naccess: {groups: {others: []}}")
    before = await stored(registry)
    with pytest.raises(PreconditionFailed, match="access has changed"):
        await apply(registry, POLICY, hash=plan.hash)
    assert await stored(registry) == before


async def test_a_plan_is_of_one_file_and_one_way_to_apply_it(registry: Registry) -> None:
    plan = await registry.services.policies.plan(POLICY, prune=False)
    for policy, prune in ((POLICY, True), (POLICY.replace("shop/**", "shop/*"), False)):
        with pytest.raises(PreconditionFailed):
            await apply(registry, policy, prune=prune, hash=plan.hash)


async def test_an_administrator_is_left(registry: Registry) -> None:
    nobody = "version: 1\naccess: {grants: []}"
    before = await stored(registry)
    with pytest.raises(InUse, match="nobody would be left"):
        await apply(registry, nobody, prune=True)
    assert await stored(registry) == before


LEFT = "access: then nobody would be left who administers everything: let somebody else do so first"
ROLE_AND_GROUP = f"""
version: 1
access:
  roles: {{rescuer: [{", ".join(Action)}]}}
  groups: {{rescue: [a-administrator]}}
  grants:
    - {{principal: a-administrator, role: administrator, on: "**"}}
    - {{principal: 'group:rescue', role: rescuer, on: "**"}}
"""


@pytest.mark.parametrize(
    ("policy", "prune", "refused"),
    [
        ("version: 1\naccess: {grants: []}", True, True),
        ("version: 1\naccess: {grants: []}", False, False),
        ("version: 1\naccess: {groups: {}}", True, True),
        ("version: 1\naccess: {groups: {rescue: []}}", True, True),
        ("version: 1\naccess: {groups: {rescue: []}}", False, False),
        ("version: 1\naccess: {roles: {rescuer: [pull]}}", False, True),
        ("version: 1\naccess: {roles: {}}", True, True),
        (ROLE_AND_GROUP, True, False),
        ('version: 1\naccess: {grants: [{principal: a-reader, role: administrator, on: "**"}]}', True, False),
        ('version: 1\naccess: {grants: [{principal: a-reader, role: administrator, on: "a/**"}]}', True, True),
    ],
)
async def test_a_plan_says_what_applying_would_refuse(
    registry: Registry, policy: str, prune: bool, refused: bool
) -> None:
    """Somebody administers by a group and a role of one's own, and in no other way."""
    await apply(registry, ROLE_AND_GROUP)
    only = ROLE_AND_GROUP.replace('    - {principal: a-administrator, role: administrator, on: "**"}\n', "")
    await apply(registry, only, prune=True)
    plan = await registry.services.policies.plan(policy, prune=prune)
    assert [str(problem) for problem in plan.problems] == ([LEFT] if refused else [])
    before = await stored(registry)
    if refused:
        with pytest.raises(InUse, match="nobody would be left"):
            await apply(registry, policy, prune=prune)
        assert await stored(registry) == before
    else:
        await apply(registry, policy, prune=prune)


async def test_who_does_not_administer_everything_applies_nothing(registry: Registry) -> None:
    for role in ("auditor", "maintainer"):
        with pytest.raises(Denied):
            await registry.services.policies.apply(await caller(registry, role), POLICY, prune=False)
        by = await caller(registry, role)
        with pytest.raises(Denied):
            await registry.services.policies.apply(by, "version: 1\naccess: {groups: {harmless: []}}", prune=False)
    assert (await stored(registry)).groups == []


@pytest.mark.parametrize(
    "policy",
    [
        "version: 1\naccess: {grants: [{principal: helper, role: maintainer, on: '**'}]}",
        "version: 1\naccess: {roles: {own: [admin, delete]}}",
        "version: 1\naccess: {groups: {deleters: [helper]}}",
        "version: 1\naccess: {service_accounts: [{name: deleting}]}",
    ],
)
async def test_nobody_gives_what_they_do_not_hold(registry: Registry, policy: str) -> None:
    """Not by a grant, not by what a role means, not by a group, and not by letting an account in again."""

    def set_up(tx: Connection) -> None:
        accounts.begin_change(tx)
        accounts.add(tx, Account("helper", "", disabled=False, generation=1, created_at=0))
        accounts.add(tx, Account("deleting", "", disabled=True, generation=1, created_at=0, kind=SERVICE))
        grants.put_role(tx, "own", ["admin"])
        grants.add_group(tx, "deleters", 0)
        for who, role in (("helper", "own"), ("group:deleters", "maintainer"), ("deleting", "maintainer")):
            grants.add_grant(tx, GrantRow(0, who, role, "**", (), (), None, deny=False, created_at=0, created_by=""))

    await registry.services.db.write(set_up)
    registry.services.authenticator.directory.forget()
    known = await registry.services.authenticator.directory.current()
    identity = known.identity("helper", "password", registry.clock())
    assert identity is not None
    helper, before = Caller(identity, known, registry.clock()), await stored(registry)
    with pytest.raises(Denied):
        await registry.services.policies.apply(helper, policy, prune=False)
    assert await stored(registry) == before
    await apply(registry, policy)


async def test_every_change_is_in_the_trail_with_before_and_after(registry: Registry) -> None:
    await apply(registry, POLICY)
    await apply(registry, POLICY.replace("[pull, push]", "[pull]").replace("owner: a-reader", "disabled: true"))
    trail = await registry.services.db.read(audited)
    words = [action for action, _, _ in trail]
    assert words[:9] == [
        "role.put",
        "service-account.add",
        "group.add",
        "member.add",
        "issuer.add",
        "trust.add",
        "grant.add",
        "grant.add",
        "policy.apply",
    ]
    role = [detail for action, _, detail in trail if action == "role.put"][1]
    assert role == {
        "before": {"name": "releaser", "actions": ["pull", "push"]},
        "after": {"name": "releaser", "actions": ["pull"]},
    }
    account = next(detail for action, _, detail in trail if action == "service-account.change")
    assert account["after"] == {"name": "ci", "owner": None, "disabled": True}
    assert {account for _, account, _ in trail} == {"a-administrator"}


async def test_what_fails_in_the_middle_leaves_nothing(registry: Registry) -> None:
    policy = """
version: 1
access:
  groups: {made-first: []}
  grants:
    - {principal: a-administrator, role: administrator, on: '**'}
    - {principal: anonymous, role: publisher, on: a}
"""
    before = await stored(registry)
    with pytest.raises(RequestInvalid, match="to anonymous"):
        await apply(registry, policy)
    assert await stored(registry) == before
    assert await registry.services.db.read(audited) == []


@pytest.mark.parametrize(
    ("section", "path", "said"),
    [
        ("grants: [{principal: nobody, role: reader, on: '**'}]", "access.grants[0].principal", "not known"),
        ("grants: [{principal: 'group:g', role: reader, on: '**'}]", "access.grants[0].principal", "no group g"),
        ("grants: [{principal: a-reader, role: mine, on: '**'}]", "access.grants[0].role", "no such role"),
        ("grants: [{principal: a-reader, role: reader, on: a, until: 2001-01-01}]", "access.grants[0].until", "ended"),
        ("groups: {g: [nobody]}", "access.groups.g", "not known"),
        ("service_accounts: [{name: a-reader}]", "access.service_accounts[0].name", "a person's"),
        ("service_accounts: [{name: ci, owner: ci}]", "access.service_accounts[0].owner", "no person's"),
        (
            "trust: [{issuer: 'https://x.org', account: a-reader, claims: {project_id: '<the number>'}}]",
            "access.trust[0].claims.project_id",
            "placeholder",
        ),
        ("trust: [{issuer: 'https://x.org', account: ci, claims: {sub: a}}]", "access.trust[0].issuer", "not known"),
        (
            "trust: [{issuer: 'https://x.org', account: a-reader, claims: {sub: a}}]",
            "access.trust[0].account",
            "no ser",
        ),
        ("issuers: [{url: 'https://x.org', audience: <ours>}]", "access.issuers[0].audience", "placeholder"),
    ],
)
async def test_what_cannot_be_is_shown_by_the_plan_and_not_applied(
    registry: Registry, section: str, path: str, said: str
) -> None:
    policy = f"version: 1\naccess:\n  {section}\n"
    plan = await registry.services.policies.plan(policy, prune=False)
    assert [said in p.message for p in plan.problems if p.path == path] == [True]
    assert all(problem.place and problem.place.line == 3 for problem in plan.problems)
    with pytest.raises(RequestInvalid, match="the policy is wrong"):
        await apply(registry, policy)


async def test_what_the_file_itself_removes_cannot_be_granted_to(registry: Registry) -> None:
    await apply(registry, POLICY)
    policy = POLICY.replace("groups: {shop: [a-reader]}", "groups: {}")
    assert (await registry.services.policies.plan(policy, prune=False)).problems == ()
    (problem,) = (await registry.services.policies.plan(policy, prune=True)).problems
    assert problem.path == "access.grants[2].principal"


async def test_an_effect_says_who_gains_what(registry: Registry) -> None:
    plan = await registry.services.policies.plan(POLICY, prune=False)
    effects = {change.text: change.effect for change in plan.changes}
    assert effects["grant: ci releaser on shop/**"] == "ci gains pull, push in shop/**"
    assert effects["a-reader in group shop"] == "a-reader gains maintainer in shop/** for tags dev-*"
    shared = effects["grant: group:shop maintainer on shop/** for tags dev-*"]
    assert shared == "group:shop (a-reader) gains pull, push, tag, delete, scan in shop/** for tags dev-*"
    narrower = "version: 1\naccess: {grants: [{principal: a-reader, role: publisher, on: shop/*}]}"
    (change,) = (await registry.services.policies.plan(narrower, prune=False)).changes
    assert change.effect.startswith("a-reader gains push, tag in shop/* (grant ")


@st.composite
def worlds(draw: st.DrawFn) -> Stored:
    """A whole state of access, as it may be stored."""
    made = draw(st.lists(rows(), max_size=8, unique=True))
    members = draw(st.sets(st.tuples(st.sampled_from(GROUPS), st.sampled_from((*PEOPLE, *SERVICES))), max_size=5))
    owners = st.sampled_from((None, *PEOPLE))
    claims = st.dictionaries(
        st.sampled_from(("repository_id", "ref", "sub")), st.lists(st.text("ab:/1", min_size=1), min_size=1), min_size=1
    )
    trusts = draw(st.lists(claims, max_size=3))
    return Stored(
        Everything(
            revision=1,
            accounts=[
                *(Account(name, "", draw(st.booleans()), 0, 0.0, PERSON) for name in PEOPLE),
                *(Account(name, "", draw(st.booleans()), 0, 0.0, SERVICE, draw(owners)) for name in SERVICES),
            ],
            members=sorted(members),
            roles={OWN_ROLE: draw(st.lists(st.sampled_from(["pull", "push", "admin"]), min_size=1, unique=True))},
            grants=[replace(row, id=i, created_at=5.0, created_by="x") for i, row in enumerate(made, start=1)],
            secrets=[],
            issuers=[
                IssuerRow(
                    "https://ci.example.org",
                    "ours",
                    draw(st.sampled_from([None, '{"keys": []}'])),
                    draw(st.booleans()),
                    0.0,
                )
            ],
            trusts=[TrustRow(i, "https://ci.example.org", "ci", each, 0.0, "x") for i, each in enumerate(trusts)],
            keys=[],
        ),
        groups=list(GROUPS),
        local_members=sorted(members),
    )


@UNHURRIED
@given(worlds(), st.booleans())
def test_whatever_is_exported_changes_nothing(world: Stored, prune: bool) -> None:
    text = policy_text.render(planning.present(world))
    plan = planning.plan(policy_file.parse(text).access, world, prune=prune, now=NOW)
    assert (plan.changes, plan.kept, plan.problems) == ((), (), ())


@UNHURRIED
@given(worlds(), worlds())
def test_a_plan_leads_from_any_state_to_any_other(here: Stored, there: Stored) -> None:
    wanted = planning.present(there)
    plan = planning.plan(wanted, here, prune=True, now=0.0)
    for change in plan.changes:
        assert change.text
        assert change.effect
    names = {Kind.ADD: set[str](), Kind.REMOVE: set[str](), Kind.CHANGE: set[str]()}
    for change in plan.changes:
        names[change.kind].add(f"{change.noun} {change.thing}")
    assert not names[Kind.ADD] & names[Kind.REMOVE]
    back = planning.plan(planning.present(here), there, prune=True, now=0.0)
    adds = sum(change.kind is Kind.ADD for change in plan.changes)
    assert adds <= sum(change.kind is Kind.REMOVE for change in back.changes)


async def test_a_refusal_is_one_of_ours(registry: Registry) -> None:
    with pytest.raises(Refusal):
        await apply(registry, "version: \ud800")
