"""The regular review: what it finds, how bad that is, and the command that puts it right."""

import inspect
import json
import re
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from tests.conftest import Registry
from tests.kit import sarif as schema
from tests.kit.clock import Clock
from wharfinger.access import patterns, review, sarif, usage
from wharfinger.access.actions import Action
from wharfinger.access.findings import RULES, Finding, Severity
from wharfinger.access.review import DAY
from wharfinger.access.usage import by_grant
from wharfinger.api.oversight_models import FindingView
from wharfinger.meta import accounts, audit, grants, trusts
from wharfinger.meta import review as rows
from wharfinger.meta.accounts import PERSON, SERVICE, Account
from wharfinger.meta.audit import DENIED, Entry
from wharfinger.meta.grants import GrantRow, IssuerRow, SecretRow, TrustRow
from wharfinger.meta.review import UseRow

DAYS = 90


class World:
    """A registry some time ago, and what was done in it since."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.start = registry.clock() - 200 * DAY

    async def do(self, change: object, *arguments: object) -> object:
        return await self.registry.services.db.write(change, *arguments)  # type: ignore[arg-type]

    async def account(self, name: str, *, kind: str = PERSON, owner: str | None = None, disabled: bool = False) -> None:
        await self.do(accounts.add, Account(name, "", disabled, 1, self.start, kind, owner))

    async def grant(self, who: str, role: str, where: str, *, age: float = 200, until: float | None = None) -> str:
        made = self.registry.clock() - age * DAY
        row = GrantRow(0, who, role, where, (), (), until, deny=False, created_at=made, created_by="tests")
        id = await self.do(grants.add_grant, row)
        return f"grant {id}: {who} {role} on {where}"

    async def used(self, rule: str, action: str, repository: str | None, *, ago: float = 1, times: int = 1) -> None:
        at = self.registry.clock() - ago * DAY
        await self.do(audit.add, Entry(at, action, "x", repository=repository, rule=rule, count=times))

    async def secret(self, account: str, id: str, *, kind: str = "secret", age: float, **more: object) -> None:
        row = SecretRow(
            id, account, kind, "on the runner", id, None, None, self.registry.clock() - age * DAY, "x", None, None
        )
        await self.do(grants.add_secret, replace(row, **more))  # type: ignore[arg-type]

    async def found(self, days: int = DAYS) -> dict[str, list[Finding]]:
        looked = await self.registry.services.oversight.review(days)
        by_subject: dict[str, list[Finding]] = {}
        for finding in looked.findings:
            by_subject.setdefault(finding.subject, []).append(finding)
        return by_subject


@pytest.fixture
async def world(registry: Registry) -> World:
    made = World(registry)
    await made.used("", "login", None, ago=200)  # the trail goes back as far as that
    return made


def rules(found: list[Finding]) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in found}


def subject(rule: str) -> str:
    return rule.partition(":")[0]


async def test_a_grant_that_nobody_used_is_found_and_one_that_was_is_not(world: World) -> None:
    await world.account("ci", kind=SERVICE, owner="a-reader")
    idle, busy = await world.grant("ci", "reader", "idle/*"), await world.grant("ci", "reader", "busy/web")
    await world.used(busy, "pull", "busy/web")
    found = await world.found()
    assert rules(found[subject(idle)]) == {"grant-unused": Severity.MEDIUM}
    assert found[subject(idle)][0].commands == (f"wharf {subject(idle).replace(' ', ' rm ')}",)
    assert subject(busy) not in found


async def test_use_before_the_period_does_not_count_and_a_refusal_is_no_use(world: World) -> None:
    await world.account("ci", kind=SERVICE, owner="a-reader")
    long_ago, refused = await world.grant("ci", "reader", "a"), await world.grant("ci", "reader", "b")
    await world.used(long_ago, "pull", "a", ago=DAYS + 1)
    denial = Entry(world.registry.clock() - 5, "pull", "ci", DENIED, "b", rule=refused)
    await world.do(audit.add, denial)
    found = await world.found()
    assert "grant-unused" in rules(found[subject(long_ago)])
    assert "grant-unused" in rules(found[subject(refused)])
    assert subject(long_ago) not in await world.found(days=DAYS + 10)


async def test_what_is_new_or_of_which_the_trail_cannot_tell_is_not_called_unused(world: World, clock: Clock) -> None:
    await world.account("ci", kind=SERVICE, owner="a-reader")
    new, auditor = await world.grant("ci", "reader", "new", age=5), await world.grant("ci", "auditor", "shop/**")
    found = await world.found()
    assert subject(new) not in found
    assert subject(auditor) not in found


async def test_a_young_trail_judges_no_use(registry: Registry) -> None:
    world = World(registry)
    await world.used("", "login", None, ago=3)
    await world.grant("a-reader", "reader", "idle")
    looked = await registry.services.oversight.review(DAYS)
    assert not [finding for finding in looked.findings if finding.rule == "grant-unused"]
    assert "too late to say" in looked.notes[0]


@pytest.mark.parametrize(
    ("role", "where", "uses", "expected"),
    [
        ("maintainer", "shop/**", [("pull", "shop/web")], "reader shop/web"),
        ("maintainer", "shop/**", [("push", "shop/web"), ("tag.move", "shop/api")], "publisher 'shop/*'"),
        ("publisher", "**", [("push", "shop/a"), ("push", "shop/b/c")], "publisher 'shop/**'"),
        ("maintainer", "shop/web", [("manifest.delete", "shop/web"), ("push", "shop/web")], None),
        ("publisher", "shop/*", [("push", "shop/a"), ("pull", "shop/b")], None),
        ("maintainer", "shop/*", [("something.new", "shop/a"), ("pull", "shop/b")], None),
        ("publisher", "**", [("push", "shop"), ("push", "shop/web")], None),
    ],
)
async def test_a_role_wider_than_its_use_comes_with_the_one_that_would_do(
    world: World, role: str, where: str, uses: list[tuple[str, str]], expected: str | None
) -> None:
    rule = await world.grant("a-reader", role, where)
    for action, repository in uses:
        await world.used(rule, action, repository)
    found = [f for f in (await world.found()).get(subject(rule), []) if f.rule == "grant-wider-than-used"]
    if expected is None:
        assert found == []
    else:
        remove = f"wharf {subject(rule).replace(' ', ' rm ')}"
        assert found[0].commands == (f"wharf grant add a-reader {expected}", remove)


async def test_the_narrower_grant_keeps_what_narrows_the_old_one(world: World) -> None:
    made = world.registry.clock()
    row = GrantRow(
        0,
        "a-reader",
        "maintainer",
        "shop/**",
        ("prod-*",),
        ("10.0.0.0/8",),
        made + DAY,
        deny=False,
        created_at=0.0,
        created_by="",
    )
    id = await world.do(grants.add_grant, row)
    await world.used(f"grant {id}: …", "pull", "shop/web")
    command = next(f for f in (await world.found())[f"grant {id}"] if f.rule == "grant-wider-than-used").commands[0]
    assert re.fullmatch(
        r"wharf grant add a-reader reader shop/web --tags 'prod-\*' --from 10\.0\.0\.0/8 --until \S+", command
    )


async def test_secrets_are_looked_at(world: World) -> None:
    now, later = world.registry.clock(), world.registry.clock() + 30 * DAY
    await world.account("ci", kind=SERVICE, owner="a-reader")
    await world.secret("ci", "fresh", age=10, expires_at=later, used_at=now)
    await world.secret("ci", "old", age=100, expires_at=later, used_at=now)
    await world.secret("ci", "ancient", age=190, expires_at=later, used_at=now)
    await world.secret("ci", "idle", age=60, expires_at=later)
    await world.secret("ci", "endless", age=10, used_at=now)
    await world.secret("ci", "gone", age=500, expires_at=now - 1)
    await world.secret("a-reader", "mine", kind="token", age=10, used_at=now)
    found = await world.found()
    assert "secret fresh" not in found
    assert rules(found["secret old"]) == {"secret-old": Severity.MEDIUM}
    assert rules(found["secret ancient"]) == {"secret-old": Severity.HIGH}
    assert rules(found["secret idle"]) == {"secret-unused": Severity.MEDIUM}
    assert rules(found["secret endless"]) == {"secret-without-end": Severity.MEDIUM}
    assert rules(found["token mine"]) == {"token-without-end": Severity.HIGH}
    assert "secret gone" not in found
    assert found["secret old"][0].commands == ("wharf secret add ci --label='on the runner'", "wharf secret rm old")
    assert found["token mine"][0].commands == ("wharf token rm mine",)


async def test_what_nobody_looks_after_is_found(world: World) -> None:
    await world.account("left", disabled=True)
    await world.account("orphan", kind=SERVICE)
    await world.account("inherited", kind=SERVICE, owner="left")
    await world.account("stopped", kind=SERVICE, disabled=True)
    leftover = await world.grant("stopped", "publisher", "shop/*", age=1)
    await world.do(grants.add_group, "empty", 0.0)
    ended = await world.grant("a-reader", "reader", "shop/x", until=world.registry.clock() - 1)
    found = await world.found()
    assert rules(found["account orphan"]) == {"account-without-owner": Severity.MEDIUM}
    assert rules(found["account inherited"]) == {"account-owner-gone": Severity.HIGH}
    assert rules(found["account stopped"]) == {"account-disabled-with-grants": Severity.LOW}
    assert found["account stopped"][0].commands == (f"wharf {subject(leftover).replace(' ', ' rm ')}",)
    assert rules(found["group empty"]) == {"group-empty": Severity.LOW}
    assert rules(found[subject(ended)]) == {"grant-ended": Severity.LOW}


async def test_what_is_open_or_powerful_is_found(world: World) -> None:
    await world.account("ci", kind=SERVICE, owner="a-reader")
    public, everything = await world.grant("anonymous", "reader", "open/*"), await world.grant("ci", "publisher", "**")
    service, machine = await world.grant("ci", "administrator", "x"), await world.grant("ci", "maintainer", "y")
    found = await world.found()
    assert rules(found[subject(public)])["grant-to-everybody"] is Severity.MEDIUM
    assert rules(found[subject(everything)])["grant-on-everything"] is Severity.HIGH
    assert rules(found[subject(service)])["administrator-is-a-service"] is Severity.HIGH
    assert rules(found[subject(machine)])["may-delete"] is Severity.MEDIUM


async def test_trust_on_names_is_found(world: World) -> None:
    await world.account("ci", kind=SERVICE, owner="a-reader")
    await world.do(
        trusts.add_issuer,
        IssuerRow("https://token.actions.githubusercontent.com", "ours", None, private=False, created_at=0.0),
    )
    for id, claims in enumerate(({"repository": ["a/b"]}, {"repository_id": ["1"]}), start=1):
        row = TrustRow(id, "https://token.actions.githubusercontent.com", "ci", claims, 0.0, "x")
        await world.do(trusts.add_trust, row)
    found = await world.found()
    assert rules(found["trust 1"]) == {"trust-on-names": Severity.HIGH}
    assert "trust 2" not in found


async def test_the_trail_is_summed_up_by_the_database(world: World) -> None:
    rule = await world.grant("a-reader", "publisher", "**")
    for repository, times in (("shop/a", 3), ("shop/b/c", 2), ("shop/b", 1)):
        await world.used(rule, "pull", repository, times=times)

    def ask(tx: Connection) -> rows.Use:
        return rows.use(tx, 0.0)

    (row,) = (await world.registry.services.db.read(ask)).rows
    assert (row.count, row.first, row.last, row.deepest) == (6, "shop/a", "shop/b/c", 2)


def used(*uses: tuple[str, str, str, int]) -> patterns.Pattern | None:
    made = [UseRow("grant 7: x", action, 1, 0.0, first, last, deepest) for action, first, last, deepest in uses]
    return by_grant(made)[7].pattern


def test_the_narrowest_pattern_is_of_all_that_was_touched() -> None:
    assert str(used(("pull", "a/b", "a/b", 1))) == "a/b"
    assert str(used(("pull", "a/b", "a/c", 1))) == "a/*"
    assert str(used(("pull", "a/b", "a/b/c", 2))) == "a/**"
    assert str(used(("pull", "a-b/c", "a/c", 1))) == "**"
    assert str(used(("pull", "a/b", "a/b", 1), ("push", "a/bc", "a/bd", 1))) == "a/*"


def test_what_we_have_no_word_for_is_not_guessed() -> None:
    assert usage.actions_of("tag.move") == frozenset({Action.PULL, Action.PUSH, Action.TAG})
    assert usage.actions_of("service-account.change") == frozenset({Action.ADMIN})
    assert usage.actions_of("grant.add") == frozenset({Action.ADMIN})
    assert usage.actions_of("blob.push") == usage.actions_of("blob.mount") == frozenset({Action.PULL, Action.PUSH})
    assert usage.actions_of("blob.delete") == frozenset({Action.DELETE})
    assert usage.actions_of("purge") == frozenset({Action.PURGE})
    assert usage.actions_of("token.issue") == frozenset()
    assert usage.actions_of("frobnicate") is None
    assert usage.actions_of("blob.frobnicate") is None


def test_sarif_has_what_its_schema_asks_for() -> None:
    findings = [
        Finding("grant-unused", severity, f"grant {i}", "nobody used it", ("wharf grant rm 1",))
        for i, severity in enumerate(Severity)
    ]
    log = sarif.document([FindingView.of(finding).model_dump() for finding in findings])
    (run,) = log["runs"]
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert (log["version"], ids) == ("2.1.0", ["grant-unused"])
    for result, finding in zip(run["results"], findings, strict=True):
        assert ids[result["ruleIndex"]] == result["ruleId"] == finding.rule
        assert result["level"] in {"none", "note", "warning", "error"}
        assert (result["level"] == "none") == (result.get("kind", "fail") != "fail")
        assert result["message"]["text"].endswith("wharf grant rm 1")
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] >= 1
        assert result["partialFingerprints"] == {"wharfFinding/v1": finding.id}
    assert json.loads(json.dumps(log)) == log


def test_sarif_is_what_the_standard_s_schema_asks_for() -> None:
    subjects = ("grant 7", "", "a\nb\u2028\x00", "group:ö", "<b>", "x" * 10_000)
    findings = [
        Finding(rule, severity, subject, f"because {subject}", ("wharf grant rm 1", "wharf sa rm x")[:number])
        for rule in RULES
        for number, severity in enumerate(Severity)
        for subject in subjects
    ]
    for some in ([], findings[:1], findings):
        log = sarif.document([FindingView.of(finding).model_dump() for finding in some])
        assert schema.problems(log) == []
    log["runs"][0]["results"][0]["level"] = "high"
    assert schema.problems(log) == [
        "$.runs[0].results[0].level: 'high' is not one of ['none', 'note', 'warning', 'error']"
    ]


def test_every_finding_has_its_rule() -> None:
    nouns = "grant|secret|token|account|group|trust|may|administrator"
    assert set(re.findall(rf'"((?:{nouns})-[a-z-]+)"', inspect.getsource(review))) == set(RULES)
