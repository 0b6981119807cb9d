"""Writes ``policy.yaml``: what :mod:`policy_file` reads as the same."""

from collections.abc import Iterator, Mapping, Sequence

import yaml

from wharfinger.access import providers
from wharfinger.access.moments import written
from wharfinger.access.policy_file import VERSION, Access
from wharfinger.access.policy_things import Issuer, Service, Trust
from wharfinger.meta.grants import GrantRow


def render(access: Access, beside: Mapping[str, Sequence[object]] | None = None) -> str:
    """The file. Sections that are None are left out, and so are those ``beside`` it that are empty."""
    sections: dict[str, object] = {}
    if access.roles is not None:
        sections["roles"] = {name: list(words) for name, words in sorted(access.roles.items())}
    if access.groups is not None:
        sections["groups"] = {name: list(members) for name, members in sorted(access.groups.items())}
    if access.services is not None:
        sections["service_accounts"] = [_service(each) for _, each in sorted(access.services.items())]
    if access.grants is not None:
        sections["grants"] = [_grant(row) for row in access.grants]
    if access.issuers is not None:
        sections["issuers"] = [_issuer(each) for _, each in sorted(access.issuers.items())]
    if access.trusts is not None:
        sections["trust"] = [_trust(each) for each in access.trusts]
    return "".join(_document(sections, beside or {}))


def _document(sections: dict[str, object], beside: Mapping[str, Sequence[object]]) -> Iterator[str]:
    yield f"version: {VERSION}\n"
    if sections:
        yield _dump({"access": sections})
    for word, items in beside.items():
        if items:
            yield _dump({word: list(items)})


def _dump(value: object) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=120)
    return text


_Base: type = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]  # one of two classes, by what the library was built with
    """Writes everything out, without aliases."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def _service(each: Service) -> dict[str, object]:
    return _without_blanks({"name": each.name, "owner": each.owner, "disabled": each.disabled})


def _grant(row: GrantRow) -> dict[str, object]:
    return _without_blanks(
        {
            "principal": row.principal,
            "role": row.role,
            "on": row.pattern,
            "tags": list(row.tags),
            "from": list(row.networks),
            "until": None if row.until is None else written(row.until),
            "deny": row.deny,
        }
    )


def _issuer(each: Issuer) -> dict[str, object]:
    return _without_blanks({"url": each.url, "audience": each.audience, "jwks": each.jwks, "private": each.private})


def _trust(each: Trust) -> dict[str, object]:
    fields: dict[str, object] = {"issuer": each.issuer, "account": each.account, "claims": each.values}
    return fields | ({} if providers.is_bound_to_an_id(each.issuer, each.values) else {"allow_names": True})


def _without_blanks(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value not in (None, False, [])}
