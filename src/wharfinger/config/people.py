"""Kinds of values that say where people are known: an OpenID Connect provider, a directory."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from wharfinger.config.values import Kind, text

ITEMS_AT_MOST = 200


def is_loopback(url: str) -> bool:
    """Whether what is sent there does not leave this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _issuer(value: object) -> str:
    url = text(value)
    parts = urlsplit(url)
    if not url.isascii() or not url.isprintable() or parts.port == 0 or not parts.hostname or "@" in parts.netloc:
        raise ValueError
    if parts.query or parts.fragment:
        raise ValueError("an issuer has neither query nor fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(url)):
        raise ValueError("it must be https, unless it is on this machine")
    return url


def _directory(value: object) -> str:
    url = text(value)
    parts = urlsplit(url)
    if parts.scheme not in {"ldap", "ldaps"} or parts.port == 0 or not parts.hostname or "@" in parts.netloc:
        raise ValueError
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("nothing may follow the host and port; where people are is ldap_base")
    return url.rstrip("/")


def _scopes(value: object) -> str:
    words = text(value).split()
    if "openid" not in words:
        raise ValueError("openid must be among them")
    return " ".join(words)


def _filter(place: str) -> Kind:
    def parse(value: object) -> str:
        filter = text(value)
        if not (filter.startswith("(") and filter.endswith(")") and f"{{{place}}}" in filter):
            raise ValueError
        return filter

    return Kind(f"a filter in parentheses with {{{place}}} in it", parse)


def _groups(value: object) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else text(value).split(",")
    rules = tuple(text(part) for part in parts if part != "")
    if len(rules) > ITEMS_AT_MOST:
        raise ValueError(f"at most {ITEMS_AT_MOST} are read")
    for rule in rules:
        if not re.fullmatch(r"[^=*]+|[^=*]+\*|[^=*]+=[^=*]+", rule):
            raise ValueError(f"{rule!r} is none")
    return rules


ISSUER = Kind("a URL such as https://login.example.com/realms/shop", _issuer)
DIRECTORY = Kind("ldaps://host, ldap://host or either with a port", _directory)
SCOPES = Kind("scopes such as openid profile email, the first of them among them", _scopes)
PERSON_FILTER = _filter("name")
GROUP_FILTER = _filter("dn")
GROUPS = Kind("a list of groups such as shop-devs, registry-*, 7f0c2a=shop-ops", _groups, ", ".join)
