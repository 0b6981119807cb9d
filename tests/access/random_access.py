"""Access as Hypothesis invents it: a small world, so that things meet."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from wharfinger.access import granting, patterns
from wharfinger.access.actions import ROLES, Action
from wharfinger.access.granting import Wanted
from wharfinger.access.grants import Grant, Identity, Policy
from wharfinger.access.snapshot import grant_of
from wharfinger.meta.grants import GrantRow

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""On a machine that is busy with something else, a test takes as long as it takes."""

NOW = 1_800_000_000.0
PEOPLE = ("alice", "bob")
SERVICES = ("ci", "prod")
GROUPS = ("devs", "ops")
OWN_ROLE = "releaser"
ALL_ROLES = dict(ROLES) | {OWN_ROLE: frozenset({Action.PUSH, Action.DELETE})}
PATTERNS = ("shop/web", "shop/*", "shop/**", "shop/api/*", "shop/api/**", "other", "other/**", "**")
REPOSITORIES = ("shop/web", "shop/api/v1", "shop/api/v1/deep", "shop", "other", "other/x")
TAGS = ("1.0", "prod-1", "latest")
TAG_PATTERNS = ("prod-*", "1.0", "*")
NETWORKS = ("10.0.0.0/8", "192.168.1.0/24", "2001:db8::/32")
ADDRESSES = ("", "10.1.2.3", "192.168.1.7", "2001:db8::1", "nowhere")
PRINCIPALS = (*PEOPLE, *SERVICES, *(f"group:{name}" for name in GROUPS))
TIMES = (NOW - 1, NOW, NOW + 0.1, NOW + 86400, NOW + 1 / 3)


@st.composite
def rows(draw: st.DrawFn, *, sensible: bool = False) -> GrantRow:
    """A grant; ``sensible`` if it must be one that :func:`granting.require_sensible` takes."""
    principal = draw(st.sampled_from((*PRINCIPALS, "anonymous")))
    role = draw(st.sampled_from(tuple(ALL_ROLES)))
    tags = draw(st.lists(st.sampled_from(TAG_PATTERNS), max_size=2, unique=True))
    deny = draw(st.booleans())
    if sensible and principal == "anonymous":
        role, deny = "reader", False
    if sensible and Action.ADMIN in ALL_ROLES[role]:
        tags = []
    wanted = Wanted(
        principal=principal,
        role=role,
        pattern=draw(st.sampled_from(PATTERNS)),
        tags=tags,
        networks=draw(st.lists(st.sampled_from(NETWORKS), max_size=2, unique=True)),
        until=draw(st.none() | st.sampled_from(TIMES)),
        deny=deny,
    )
    return granting.parse(wanted, "somebody", float("-inf"))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    made: list[Grant] = []
    for i, row in enumerate(draw(st.lists(rows(), max_size=8)), start=1):
        grant = grant_of(row, ALL_ROLES)
        made.append(
            Grant(
                i,
                grant.principal,
                grant.role,
                patterns.parse(row.pattern),
                grant.actions,
                grant.tags,
                grant.until,
                grant.networks,
                grant.deny,
            )
        )
    return Policy(tuple(made))


def identities() -> st.SearchStrategy[Identity]:
    groups = st.lists(st.sampled_from(GROUPS), unique=True)
    names = st.sampled_from((*PEOPLE, *SERVICES))
    return st.builds(lambda name, of: Identity(name, (name, *(f"group:{each}" for each in of))), names, groups)
