"""The matrix says what is decided, for everybody and everywhere."""

from hypothesis import given

from tests.access.random_access import NOW, PATTERNS, REPOSITORIES, UNHURRIED, identities, policies
from tests.conftest import Registry
from wharfinger.access import patterns
from wharfinger.access.actions import ROLES, Action
from wharfinger.access.grants import NOBODY, Grant, Identity, Policy, decide
from wharfinger.access.matrix import ALLOW, DENY, Matrix, Row, Where
from wharfinger.access.oversight import Oversight
from wharfinger.spec.names import RepoName

ELSEWHERE = "192.0.2.250"
"""In none of the networks that the grants have; from where nobody knows, a deny of a network would count."""


def allows(rows: list[Row], action: Action, repository: str) -> bool:
    """What a reader of the matrix concludes of content, from a network that no grant names."""

    def counts(row: Row) -> bool:
        grant = row.grant
        return (
            action.value in row.actions
            and patterns.parse(row.where).matches(repository)
            and not row.grant.networks
            and grant.covers_tag(None, action)
        )

    return any(counts(row) and row.effect == ALLOW for row in rows) and not any(
        counts(row) and row.effect == DENY for row in rows
    )


@UNHURRIED
@given(policies(), identities())
def test_the_matrix_agrees_with_deciding(policy: Policy, identity: Identity) -> None:
    matrix = Matrix(policy, NOW)
    mine, everybodys = list(matrix.rows(identity, Where())), list(matrix.rows(NOBODY, Where()))
    for repository in REPOSITORIES:
        for action in Action:
            decision = decide(policy, identity, action, RepoName(repository), now=NOW, address=ELSEWHERE)
            public = [row for row in everybodys if row.effect == ALLOW]
            denied = [row for row in mine if row.effect == DENY]
            own = allows(mine, action, repository)
            shared = allows([*public, *(row for row in everybodys if row.effect == DENY)], action, repository)
            blocked = not allows([*_granting(action, repository), *denied], action, repository)
            assert decision.allowed == (own or (shared and not blocked)), (repository, action)


def _granting(action: Action, repository: str) -> list[Row]:
    grant = Grant(0, "x", "x", patterns.parse(repository), frozenset({action}))
    return [Row("x", ALLOW, (action.value,), repository, grant)]


@UNHURRIED
@given(policies(), identities())
def test_every_row_is_allowed_somewhere_by_its_grant(policy: Policy, identity: Identity) -> None:
    for row in Matrix(policy, NOW).rows(identity, Where()):
        assert row.grant in policy.grants
        assert row.grant.principal in identity.principals
        assert row.grant.is_in_force(NOW)
        assert set(row.actions) <= {action.value for action in row.grant.actions}


@UNHURRIED
@given(policies(), identities())
def test_narrowed_to_a_repository_the_rows_are_about_that(policy: Policy, identity: Identity) -> None:
    for text in (*PATTERNS, *REPOSITORIES):
        wanted = patterns.parse(text)
        for row in Matrix(policy, NOW).rows(identity, Where(wanted)):
            assert wanted.contains(patterns.parse(row.where))
            assert row.grant.pattern.contains(patterns.parse(row.where))


def test_what_is_denied_always_is_not_among_what_a_grant_allows() -> None:
    def made(id: int, where: str, role: str, **more: object) -> Grant:
        return Grant(id, "alice", role, patterns.parse(where), ROLES[role], **more)  # type: ignore[arg-type]

    policy = Policy((made(1, "shop/**", "publisher"), made(2, "**", "reader", deny=True)))
    rows = list(Matrix(policy, NOW).rows(Identity("alice", ("alice",)), Where()))
    assert [(row.effect, row.actions, row.where) for row in rows] == [
        (ALLOW, ("push", "tag"), "shop/**"),
        (DENY, ("pull",), "**"),
    ]


async def test_the_matrix_comes_in_pages_of_whole_accounts(registry: Registry) -> None:
    oversight = Oversight(registry.services.db, registry.clock, rows_at_most=2)
    seen: list[list[str]] = []
    after: str | None = ""
    while after is not None:
        page = await oversight.matrix(Where(), None, after)
        seen.append([row.account for row in page.rows])
        after = page.next
    assert seen == [["a-administrator", "a-auditor"], ["a-maintainer", "a-publisher"], ["a-reader"]]
