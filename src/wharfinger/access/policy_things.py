"""What a policy is made of, one thing at a time."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from wharfinger.meta.grants import GrantRow


@dataclass(frozen=True, slots=True)
class Service:
    """A service account, as far as a file says anything of it."""

    name: str
    owner: str | None = None
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs workloads' tokens; ``jwks`` is JSON where its keys are given, ``private`` as in IssuerRow."""

    url: str
    audience: str
    jwks: str | None = None
    private: bool = False


@dataclass(frozen=True, slots=True)
class Trust:
    """Which workloads may act as an account; ``claims`` in their normal form, as JSON, so that two can be compared."""

    issuer: str
    account: str
    claims: str

    @property
    def values(self) -> dict[str, list[str]]:
        """By claim, the values of which a token must have one."""
        found: dict[str, list[str]] = json.loads(self.claims)
        return found


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    group: str
    account: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of a section beside ``access``: what it is called, and what it says, as JSON."""

    noun: str
    name: str
    body: str

    @property
    def plain(self) -> dict[str, object]:
        """What it says."""
        found: dict[str, object] = json.loads(self.body)
        return found


Thing = Role | Group | Member | Service | GrantRow | Issuer | Trust | Item

NOUNS: Mapping[type, str] = {
    Role: "role",
    Group: "group",
    Member: "member",
    Service: "service_account",
    GrantRow: "grant",
    Issuer: "issuer",
    Trust: "trust",
}


def noun(thing: Thing) -> str:
    """What kind of thing it is."""
    return thing.noun if isinstance(thing, Item) else NOUNS[type(thing)]


def detail(thing: Thing) -> dict[str, object]:
    """The thing for people and records: its fields, without what is not yet known of it."""
    if isinstance(thing, Item):
        return thing.plain
    fields = asdict(thing)
    if isinstance(thing, GrantRow):
        fields = {name: fields[name] for name in ("principal", "role", "pattern", "tags", "networks", "until", "deny")}
    if isinstance(thing, Trust):
        fields["claims"] = thing.values
    return fields
