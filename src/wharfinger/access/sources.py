"""Where people are known beside here, as the settings say."""

from collections.abc import Callable
from functools import partial

from wharfinger.access import oidc
from wharfinger.access.authenticate import Authenticator
from wharfinger.access.fetch import Fetch
from wharfinger.access.identity import PasswordSource
from wharfinger.access.oidc import Choices, OpenIDConnect
from wharfinger.config import Settings


def provider(settings: Settings, authenticator: Authenticator, now: Callable[[], float]) -> OpenIDConnect | None:
    """The OpenID Connect provider, if there is one."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None or settings.public_url is None:
        return None
    secret = settings.oidc_client_secret
    return oidc.relying_party(
        authenticator.directory,
        now,
        Choices(
            scopes=settings.oidc_scopes,
            username_claim=settings.oidc_username_claim,
            groups_claim=settings.oidc_groups_claim,
            groups=settings.oidc_groups,
            create=settings.oidc_create,
        ),
        issuer=settings.oidc_issuer,
        client=settings.oidc_client_id,
        secret=None if secret is None else secret.reveal(),
        base=settings.public_url.rstrip("/"),
        fetch=Fetch(),
    )


def password_source(settings: Settings) -> PasswordSource | None:
    """The directory, if there is one. Raises Unavailable when the extra that it needs is not installed."""
    if settings.ldap_url is None or settings.ldap_base is None:
        return None
    from wharfinger.access.ldap import LdapDirectory, LdapSettings  # what most do not use

    password = settings.ldap_bind_password
    return LdapDirectory(
        LdapSettings(
            url=settings.ldap_url,
            base=settings.ldap_base,
            filter=settings.ldap_filter,
            bind_dn=settings.ldap_bind_dn,
            bind_password=None if password is None else password.reveal(),
            groups_base=settings.ldap_groups_base,
            groups_filter=settings.ldap_groups_filter,
            groups_attribute=settings.ldap_groups_attribute,
            ca=None if settings.ldap_ca is None else str(settings.ldap_ca),
            choose=partial(_choose, settings.ldap_groups),
        )
    )


def _choose(rules: tuple[str, ...], groups: tuple[str, ...]) -> tuple[str, ...]:
    return oidc.chosen(groups, rules)
