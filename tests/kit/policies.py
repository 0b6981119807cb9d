"""Random policies, small enough that names, patterns and people meet all the time."""

from dataclasses import dataclass, replace
from ipaddress import ip_network
from itertools import product

from hypothesis import strategies as st

from wharfinger.access import patterns
from wharfinger.access.actions import ROLES, Action
from wharfinger.access.grants import Grant, Identity, Limits, Policy
from wharfinger.access.patterns import Pattern, Reach
from wharfinger.spec.names import RepoName

NOW = 1000.0
PARTS = ("a", "aa")
NAMES = [RepoName("/".join(parts)) for depth in (1, 2, 3) for parts in product(PARTS, repeat=depth)]
"""Every name that the patterns below can be about, and every depth that tells ``/*`` from ``/**``."""
TAGS = ("v1", "v2", "latest")
ADDRESSES = ("10.0.0.1", "10.1.0.1", "::ffff:10.0.0.2", "2001:db8::1", "", "unix:")
PEOPLE = ("ann", "bob")
GROUPS = ("group:dev", "group:ops")

names_ = st.sampled_from(NAMES)
patterns_: st.SearchStrategy[Pattern] = st.one_of(
    st.just(patterns.EVERYTHING),
    names_.map(lambda name: Pattern(name, Reach.EXACT)),
    st.sampled_from([n for n in NAMES if n.count("/") < 2]).map(lambda name: Pattern(name, Reach.CHILDREN)),
    st.sampled_from([n for n in NAMES if n.count("/") < 2]).map(lambda name: Pattern(name, Reach.BELOW)),
)
actions_ = st.sampled_from(sorted(ROLES.values(), key=len)) | st.frozensets(st.sampled_from(Action), min_size=3)
tags_ = st.sampled_from([(), (), ("v*",), ("latest",), ("v1", "l*t"), ("*",)])
networks_ = st.sampled_from([(), (), ("10.0.0.0/16",), ("10.0.0.0/8", "2001:db8::/32")])
until_ = st.sampled_from([None, None, NOW - 1, NOW, NOW + 1, NOW + 2])


@st.composite
def grants_(draw: st.DrawFn, principals: tuple[str, ...] = (*PEOPLE, *GROUPS, "anonymous")) -> Grant:
    """One grant or deny of anything to anybody."""
    return Grant(
        id=0,
        principal=draw(st.sampled_from(principals)),
        role="any",
        pattern=draw(patterns_),
        actions=draw(actions_),
        tags=draw(tags_),
        until=draw(until_),
        networks=tuple(ip_network(text) for text in draw(networks_)),
        deny=draw(st.booleans()),
    )


limits_ = st.none() | st.none() | st.builds(Limits, st.lists(patterns_, min_size=1, max_size=2).map(tuple), actions_)


@st.composite
def identities_(draw: st.DrawFn) -> Identity:
    """Somebody in some groups, or nobody in particular."""
    if draw(st.integers(0, 5)) == 0:
        return Identity("anonymous", ())
    name = draw(st.sampled_from(PEOPLE))
    return Identity(name, (name, *draw(st.lists(st.sampled_from(GROUPS), unique=True))), limits=draw(limits_))


def numbered(found: list[Grant]) -> Policy:
    """The policy of these grants, each with a number of its own."""
    return Policy(tuple(replace(each, id=id) for id, each in enumerate(found, start=1)))


policies_ = st.lists(grants_(), max_size=8).map(numbered)


@dataclass(frozen=True)
class Question:
    """What is decided, and by what."""

    policy: Policy
    who: Identity
    action: Action
    repository: RepoName | None
    tag: str | None
    now: float
    address: str


@st.composite
def questions_(draw: st.DrawFn) -> Question:
    """Mostly grants that are about the one who asks, and about what is asked: the others are a matter of course."""
    who, action = draw(identities_()), draw(st.sampled_from(Action))
    repository = draw(st.none() | names_ | names_)
    near = st.sampled_from(_about(repository))
    found = []
    for _ in range(draw(st.integers(1, 4))):
        about = draw(grants_((*who.principals, "anonymous")))
        pattern = draw(near | near | patterns_)
        found.append(replace(about, pattern=pattern, actions=about.actions | draw(st.sampled_from([{action}, set()]))))
    found += draw(st.lists(grants_(), max_size=2))
    tag = draw(st.none() | st.sampled_from(TAGS))
    now = draw(st.sampled_from([NOW - 1, NOW, NOW + 1]))
    return Question(numbered(found), who, action, repository, tag, now, draw(st.sampled_from(ADDRESSES)))


def _about(repository: RepoName | None) -> list[Pattern]:
    """The patterns that match, found by trying: what looks them up is what is tested."""
    if repository is None:
        return [patterns.EVERYTHING]
    parents = {name.rpartition("/")[0] for name in NAMES} - {""} | set(NAMES)
    every = [Pattern(prefix, reach) for prefix in sorted(parents) for reach in Reach]
    return [patterns.EVERYTHING, *(each for each in every if each.matches(repository))]
