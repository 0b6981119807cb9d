"""The settings that say where people are known."""

from pathlib import Path
from typing import Any

import pytest

from tests.config.test_load import from_all, problems
from wharfinger.config.settings import DESCRIPTIONS

RIGHT: list[tuple[str, object, Any]] = [
    ("oidc_issuer", "https://login.example.org/realms/shop", "https://login.example.org/realms/shop"),
    ("oidc_issuer", "https://login.example.org/", "https://login.example.org/"),  # exactly as it calls itself
    ("oidc_issuer", "http://127.0.0.1:9400", "http://127.0.0.1:9400"),
    ("oidc_issuer", "http://[::1]:9400", "http://[::1]:9400"),
    ("oidc_scopes", "openid  groups", "openid groups"),
    ("oidc_groups", "ops, registry-*", ("ops", "registry-*")),
    ("oidc_groups", ["7f0c=shop, devs"], ("7f0c=shop, devs",)),
    ("ldap_url", "ldaps://ldap.example.org", "ldaps://ldap.example.org"),
    ("ldap_url", "ldap://127.0.0.1:389/", "ldap://127.0.0.1:389"),
    ("ldap_filter", "(&(objectClass=person)(uid={name}))", "(&(objectClass=person)(uid={name}))"),
    ("ldap_groups_filter", "(member={dn})", "(member={dn})"),
]

WRONG: list[tuple[str, object]] = [
    ("oidc_issuer", "http://login.example.org"),
    ("oidc_issuer", "http://127.0.0.1.example.org"),
    ("oidc_issuer", "login.example.org"),
    ("oidc_issuer", "https://user@login.example.org"),
    ("oidc_issuer", "https://login.example.org/?x=y"),
    ("oidc_issuer", "https://"),
    ("oidc_issuer", "https://login.example.org/\x00"),
    ("oidc_scopes", "profile email"),
    ("oidc_groups", ["*a"]),
    ("oidc_groups", ["a=b=c"]),
    ("oidc_groups", ["a*=b"]),
    ("oidc_groups", ["x"] * 201),
    ("ldap_url", "https://ldap.example.org"),
    ("ldap_url", "ldap://ldap.example.org/dc=example"),
    ("ldap_url", "ldapi:///socket"),
    ("ldap_filter", "(uid=anna)"),
    ("ldap_filter", "uid={name}"),
    ("ldap_groups_filter", "(member={name})"),
]


@pytest.mark.parametrize(("name", "given", "value"), RIGHT)
def test_what_is_right(name: str, given: object, value: Any) -> None:
    assert DESCRIPTIONS[name].kind.parse(given) == value


@pytest.mark.parametrize(("name", "given"), WRONG)
def test_what_is_wrong(name: str, given: object) -> None:
    with pytest.raises(ValueError):
        DESCRIPTIONS[name].kind.parse(given)


def test_groups_are_shown_as_they_are_written() -> None:
    setting = DESCRIPTIONS["oidc_groups"]
    assert setting.shown(("ops", "registry-*", "7f0c=shop devs")) == "ops, registry-*, 7f0c=shop devs"


@pytest.mark.parametrize(
    ("yaml", "missing"),
    [
        ("oidc_issuer: https://x.test\noidc_client_id: wharf", "public_url"),
        ("oidc_issuer: https://x.test\npublic_url: https://r.test", "oidc_client_id"),
        ("oidc_client_secret: x", "oidc_issuer"),
        ("ldap_url: ldaps://x.test", "ldap_base"),
        ("ldap_url: ldaps://x.test\nldap_base: dc=x\nldap_bind_dn: cn=x", "ldap_bind_password"),
        ("ldap_groups_base: dc=x", "ldap_url"),
    ],
)
def test_what_is_of_no_use_alone(tmp_path: Path, yaml: str, missing: str) -> None:
    assert [told for told in problems(tmp_path, yaml) if told.startswith(f"{missing}: missing")]


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    yaml = """
public_url: https://r.test
oidc_issuer: https://x.test
oidc_client_id: wharf
oidc_client_secret: geheim
ldap_url: ldaps://x.test
ldap_base: dc=x
ldap_bind_dn: cn=x
ldap_bind_password: geheim
"""
    assert "geheim" not in repr(from_all(tmp_path, yaml).settings)
