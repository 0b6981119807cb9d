"""``policy.yaml``: who may do what, as a file. Parsed whole; everything that is wrong is said at once, with its place.

    version: 1
    access:
      roles: {releaser: [pull, push]}
      groups: {shop-maintainers: [alice, bob]}
      service_accounts: [{name: ci-shop, owner: alice}]
      grants:
        - {principal: ci-shop, role: publisher, on: shop/**}
        - {principal: production, role: reader, on: shop/**, tags: [prod-*], from: [10.0.0.0/8], until: 2027-01-31}
      issuers: [{url: https://token.actions.githubusercontent.com, audience: registry.example.org}]
      trust:
        - {issuer: https://token.actions.githubusercontent.com, account: ci-shop, claims: {repository_id: "123"}}

Secrets and passwords are never in it, and it makes no people. A section that is left out is not looked at. The version
may be left out, too: there is one so far.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from types import MappingProxyType
from urllib.parse import urlsplit

from wharfinger.access import actions, claims, granting, providers, yaml_tree
from wharfinger.access.account_names import account_name
from wharfinger.access.actions import ROLES
from wharfinger.access.granting import Wanted
from wharfinger.access.groups import group_name
from wharfinger.access.moments import moment_or_seconds
from wharfinger.access.policy_reading import Reading
from wharfinger.access.policy_things import Issuer, Item, Service, Trust
from wharfinger.access.yaml_tree import Place, Tree
from wharfinger.errors import RequestInvalid
from wharfinger.meta.grants import GrantRow

VERSION = "1"
LONG_AGO = -math.inf
"""When a grant in a file is taken to be made: whether it has ended already is for the plan to say."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a file says of access; None for a section that is not there. ``places`` by path, for further problems."""

    roles: Mapping[str, tuple[str, ...]] | None = None
    groups: Mapping[str, tuple[str, ...]] | None = None
    services: Mapping[str, Service] | None = None
    grants: tuple[GrantRow, ...] | None = None
    issuers: Mapping[str, Issuer] | None = None
    trusts: tuple[Trust, ...] | None = None
    places: Mapping[str, Place] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole ``policy.yaml``; ``beside`` are the sections that other parts of the registry read, those it has."""

    access: Access
    beside: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)


Section = Callable[[Reading, Tree, str], object]

TOP_LEVEL: tuple[str, ...] = ("version", "access")
"""What may stand at the top; other parts of the registry have their words beside these: see ``policy_sections.py``."""
Readers = Mapping[str, Callable[[Reading, Tree, str], tuple[Item, ...]]]
"""By word, who reads what stands under it. What they find wrong, they note."""


def parse(text: str, readers: Readers = MappingProxyType({})) -> Policy:
    """The policy that ``text`` is. Raises RequestInvalid, whose ``detail["problems"]`` has all that is wrong."""
    root = yaml_tree.read(text)
    reading = Reading()
    if root is None:
        reading.note(None, "", f"there is nothing in it: want at least one of {', '.join((*TOP_LEVEL, *readers))}")
        reading.finish()
    top = reading.fields(root, "", (*TOP_LEVEL, *readers))
    if "version" in top:
        reading.text(top["version"], "version", _version)
    access = _access(reading, top["access"]) if "access" in top else Access()
    beside = {word: read(reading, top[word], word) for word, read in readers.items() if word in top}
    reading.finish()
    return Policy(replace(access, places=reading.places), beside)


def _version(text: str) -> str:
    if text != VERSION:
        raise RequestInvalid(f"version {text[:20]!r} is not known here: want {VERSION}")
    return text


def _access(reading: Reading, node: Tree) -> Access:
    sections: dict[str, tuple[str, Section]] = {
        "roles": ("roles", _roles),
        "groups": ("groups", _groups),
        "service_accounts": ("services", _services),
        "grants": ("grants", _grants),
        "issuers": ("issuers", _issuers),
        "trust": ("trusts", _trusts),
    }
    found: dict[str, object] = {}
    for key, value, at in reading.pairs(node, "access"):
        if key not in sections:
            reading.note(value, at, f"unknown key {key[:60]!r}: known are {', '.join(sections)}")
            continue
        name, read = sections[key]
        found[name] = read(reading, value, at)
    return Access(**found)  # type: ignore[arg-type]


def _roles(reading: Reading, node: Tree, path: str) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, value, at in reading.pairs(node, path):
        words = reading.texts(value, at, _action)
        try:
            if actions.role_name(name) in ROLES:
                reading.note(value, at, f"the role {name} is always there and cannot be changed: choose another name")
            found[name] = tuple(actions.ordered(actions.parse_actions(words)))
        except RequestInvalid as refused:
            reading.note(value, at, refused.message)
    return found


def _action(text: str) -> str:
    actions.parse_actions([text])
    return text


def _groups(reading: Reading, node: Tree, path: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, value, at in reading.pairs(node, path):
        members = tuple(sorted(reading.texts(value, at, account_name)))
        try:
            found[group_name(name)] = members
        except RequestInvalid as refused:
            reading.note(value, at, refused.message)
    return found


def _services(reading: Reading, node: Tree, path: str) -> dict[str, Service]:
    found: dict[str, Service] = {}
    for item, at in reading.items(node, path):
        fields = reading.fields(item, at, ("name", "owner", "disabled"), required=("name",))
        name = reading.text(fields.get("name"), f"{at}.name", account_name)
        owner = reading.text(fields.get("owner"), f"{at}.owner", account_name)
        disabled = reading.flag(fields.get("disabled"), f"{at}.disabled")
        if name in found:
            reading.note(item, f"{at}.name", f"{name} is there twice")
        elif name is not None:
            found[name] = Service(name, owner, disabled)
    return found


_BLANK = Wanted(principal="anonymous", role="reader", pattern="**")
_GRANT_KEYS = ("principal", "role", "on", "tags", "from", "until", "deny")


def _grants(reading: Reading, node: Tree, path: str) -> tuple[GrantRow, ...]:
    found: dict[GrantRow, str] = {}
    for item, at in reading.items(node, path):
        row = _grant(reading, item, at)
        if row is not None and row in found:
            reading.note(item, at, f"the same as {found[row]}")
        elif row is not None:
            found[row] = at
    return tuple(found)


def _grant(reading: Reading, node: Tree, path: str) -> GrantRow | None:
    noted = len(reading.problems)
    fields = reading.fields(node, path, _GRANT_KEYS, required=("principal", "role", "on"))

    def one(key: str, parse: Callable[[str], str]) -> str:
        return reading.text(fields.get(key), f"{path}.{key}", parse) or ""

    def several(key: str, parse: Callable[[str], str]) -> tuple[str, ...]:
        return reading.texts(fields[key], f"{path}.{key}", parse) if key in fields else ()

    wanted = Wanted(
        principal=one("principal", lambda text: _probe(principal=text).principal),
        role=one("role", actions.role_name),
        pattern=one("on", lambda text: _probe(pattern=text).pattern),
        tags=several("tags", lambda text: _probe(tags=(text,)).tags[0]),
        networks=several("from", lambda text: _probe(networks=(text,)).networks[0]),
        until=reading.text(fields.get("until"), f"{path}.until", moment_or_seconds),
        deny=reading.flag(fields.get("deny"), f"{path}.deny"),
    )
    _refuse_empty(reading, fields, path)
    if len(reading.problems) > noted:
        return None
    try:
        return granting.parse(wanted, "", LONG_AGO)
    except RequestInvalid as refused:
        reading.note(node, path, refused.message)
        return None


def _refuse_empty(reading: Reading, fields: Mapping[str, Tree], path: str) -> None:
    """An empty list would mean "everywhere" to us, and "nowhere" to whoever emptied it."""
    for key in ("tags", "from"):
        node = fields.get(key)
        if isinstance(node, yaml_tree.Sequence) and not node.items:
            reading.note(node, f"{path}.{key}", "an empty list: leave the key out if it should count everywhere")


def _probe(**fields: object) -> GrantRow:
    """What :func:`granting.parse` makes of one field, so that what is wrong can be said of that field."""
    return granting.parse(replace(_BLANK, **fields), "", LONG_AGO)  # type: ignore[arg-type]


def _issuers(reading: Reading, node: Tree, path: str) -> dict[str, Issuer]:
    found: dict[str, Issuer] = {}
    for item, at in reading.items(node, path):
        fields = reading.fields(item, at, ("url", "audience", "jwks", "private"), required=("url", "audience"))
        url = reading.text(fields.get("url"), f"{at}.url", issuer_url)
        audience = reading.text(fields.get("audience"), f"{at}.audience", _audience)
        jwks = reading.text(fields.get("jwks"), f"{at}.jwks", _jwks)
        if url in found:
            reading.note(item, f"{at}.url", f"{url} is there twice")
        elif url is not None and audience is not None:
            found[url] = Issuer(url, audience, jwks, reading.flag(fields.get("private"), f"{at}.private"))
    return found


def issuer_url(text: str) -> str:
    """An issuer's URL. Raises RequestInvalid. Plain http is for this machine alone."""
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError as error:
        raise RequestInvalid(f"{text[:80]!r} is not a URL: {error}") from error
    safe = url.scheme == "https" or (url.scheme == "http" and _is_loopback(host))
    if not safe or not host or "@" in url.netloc or url.query or url.fragment or len(text) > 512 or not text.isascii():
        raise RequestInvalid(f"{text[:80]!r} is not an issuer: want https://HOST, with a path where it has one")
    return text


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _audience(text: str) -> str:
    if not text or len(text) > 255 or not text.isprintable():
        raise RequestInvalid("want an audience of at most 255 characters")
    return text


_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def _jwks(text: str) -> str:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestInvalid('not JSON: want {"keys": […]}, in quotes') from error
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise RequestInvalid('want a JSON object {"keys": […]}')
    if any(_PRIVATE & key.keys() for key in keys):
        raise RequestInvalid("a private key: only public keys are given here")
    return json.dumps(found, sort_keys=True)


def _trusts(reading: Reading, node: Tree, path: str) -> tuple[Trust, ...]:
    found: dict[Trust, str] = {}
    keys = ("issuer", "account", "claims", "allow_names")
    for item, at in reading.items(node, path):
        fields = reading.fields(item, at, keys, required=("issuer", "account", "claims"))
        issuer = reading.text(fields.get("issuer"), f"{at}.issuer", issuer_url)
        account = reading.text(fields.get("account"), f"{at}.account", account_name)
        names = reading.flag(fields.get("allow_names"), f"{at}.allow_names")
        if issuer is None or account is None or "claims" not in fields:
            continue
        claims = _claims(reading, fields["claims"], f"{at}.claims", issuer, names)
        if claims is None:
            continue
        trust = Trust(issuer, account, json.dumps(claims, sort_keys=True))
        if trust in found:
            reading.note(item, at, f"the same as {found[trust]}")
        found.setdefault(trust, at)
    return tuple(found)


def _claims(reading: Reading, node: Tree, path: str, issuer: str, names: bool) -> dict[str, list[str]] | None:
    noted = len(reading.problems)
    found: dict[str, tuple[str, ...]] = {}
    for name, value, at in reading.pairs(node, path):
        try:
            found[claims.name(name)] = reading.texts(value, at, claims.value)
        except RequestInvalid as refused:
            reading.note(value, at, refused.message)
            continue
        if not 0 < len(found[name]) <= claims.VALUES_AT_MOST:
            reading.note(value, at, f"want a value, or a list of at most {claims.VALUES_AT_MOST}")
    if not 0 < len(found) <= claims.CLAIMS_AT_MOST:
        reading.note(node, path, f"want at least one claim and at most {claims.CLAIMS_AT_MOST}")
    elif not names and not providers.is_bound_to_an_id(issuer, found):
        known = providers.wanted_ids(issuer, found)
        reading.note(node, path, f"only names, which somebody else may come to have: add {known}, or allow_names")
    return claims.normal(found) if len(reading.problems) == noted else None
