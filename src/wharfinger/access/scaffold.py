"""The least-privilege pattern for a team, as ``policy.yaml`` and the ``tests.yaml`` that hold it to that. Pure.

CI publishes in the team's repositories and nowhere else; staging pulls there; production pulls only its own tags; one
group of people may delete. What is not known is marked as a placeholder, which a plan refuses.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from wharfinger.access import patterns, policy_file
from wharfinger.access.account_names import account_name
from wharfinger.errors import RequestInvalid
from wharfinger.spec import names

GITHUB, GITLAB = "https://token.actions.githubusercontent.com", "https://gitlab.com"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the pattern is for. ``ci`` is github:OWNER/REPO, gitlab:GROUP/PROJECT or kubernetes:NAMESPACE/ACCOUNT."""

    team: str
    ci: str | None = None
    repository_id: str | None = None
    issuer: str | None = None
    audience: str | None = None
    prod_tags: tuple[str, ...] = ("prod-*",)
    maintainers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """What runs the team's CI: its issuer, and the claims by which it is known."""

    what: str
    issuer: str
    claims: dict[str, str]
    hints: tuple[str, ...] = ()


def policy(asked: Asked) -> str:
    """``policy.yaml``. Raises RequestInvalid, or NameInvalid for a team that no repository can begin with."""
    _require(asked)
    text = "\n".join(_policy(asked)) + "\n"
    policy_file.parse(text)  # whatever was asked for, what comes out is a policy
    return text


def tests(asked: Asked) -> str:
    """``tests.yaml``: what the policy must allow, and what it must never."""
    _require(asked)
    return "\n".join(_tests(asked)) + "\n"


def _require(asked: Asked) -> None:
    names.repository(f"{asked.team}/web")
    for name in (*_accounts(asked), *asked.maintainers):
        account_name(name)
    for tag in asked.prod_tags:
        patterns.tag_pattern(tag)


def _slug(asked: Asked) -> str:
    return asked.team.replace("/", "-")


def _accounts(asked: Asked) -> tuple[str, str, str]:
    slug = _slug(asked)
    return f"ci-{slug}", f"staging-{slug}", f"production-{slug}"


def _policy(asked: Asked) -> Iterator[str]:
    team, (ci, staging, production) = asked.team, _accounts(asked)
    group = f"{_slug(asked)}-maintainers"
    owner = f", owner: {asked.maintainers[0]}" if asked.maintainers else ""
    yield f"# Who may do what in {team}/**. Look at it, then: wharf plan FILE, wharf apply FILE."
    yield "# Sections here own what they are about: alone in a registry as it is; else merge it into your policy.yaml."
    yield "version: 1"
    yield "access:"
    yield "  groups:"
    yield f"    {group}: [{', '.join(asked.maintainers)}]"
    yield "  service_accounts:"
    if not owner:
        yield "    # Nobody answers for these yet: add 'owner: NAME' to each."
    yield from (f"    - {{name: {name}{owner}}}" for name in (ci, staging, production))
    yield "  grants:"
    yield "    # CI publishes below its own prefix, and nothing else. It cannot delete."
    yield f"    - {{principal: {ci}, role: publisher, on: {team}/**}}"
    yield "    # Staging pulls what the team made."
    yield f"    - {{principal: {staging}, role: reader, on: {team}/**}}"
    yield "    # Production pulls only what is meant for it."
    tags = ", ".join(json.dumps(tag) for tag in asked.prod_tags)
    yield f"    - {{principal: {production}, role: reader, on: {team}/**, tags: [{tags}]}}"
    yield "    # Deleting is for a few people."
    yield f"    - {{principal: 'group:{group}', role: maintainer, on: {team}/**}}"
    if asked.ci is not None:
        yield from _trust(asked, ci)


def _trust(asked: Asked, account: str) -> Iterator[str]:
    workload = _workload(asked)
    policy_file.issuer_url(workload.issuer)
    audience = asked.audience or "<the audience that tokens are asked for, e.g. registry.example.org>"
    yield "  issuers:"
    yield f"    - {{url: {_quoted(workload.issuer)}, audience: {_quoted(audience)}}}"
    yield "  trust:"
    yield f"    # {workload.what} is {account}, without any stored secret."
    yield from (f"    # {hint}" for hint in workload.hints)
    yield f"    - issuer: {_quoted(workload.issuer)}"
    yield f"      account: {account}"
    yield "      claims:"
    yield from (f"        {claim}: {_quoted(value)}" for claim, value in workload.claims.items())


def _workload(asked: Asked) -> Workload:
    kind, colon, what = (asked.ci or "").partition(":")
    owner, slash, name = what.rpartition("/")
    # It is written into a comment and into claims: nothing but a path of names.
    if not (colon and slash and owner and name) or not all(_is_plain(part) for part in what.split("/")):
        raise RequestInvalid(f"{(asked.ci or '')[:80]!r} is no CI: want github:OWNER/REPO, or gitlab: or kubernetes:")
    match kind:
        case "github":
            return _github(asked, what)
        case "gitlab":
            return _gitlab(asked, what)
        case "kubernetes":
            return _kubernetes(asked, owner, name)
    raise RequestInvalid(f"no such CI {kind[:40]!r}: want github, gitlab or kubernetes")


def _github(asked: Asked, what: str) -> Workload:
    missing = f"<the number of github.com/{what}: gh api repos/{what} --jq .id>"
    claims = {"repository_id": asked.repository_id or missing, "ref": "refs/heads/main"}
    return Workload(
        f"GitHub Actions in {what}",
        asked.issuer or GITHUB,
        claims,
        ("By its number and not its name: a name that was given up can be taken by somebody else.",),
    )


def _gitlab(asked: Asked, what: str) -> Workload:
    missing = f"<the number of the project {what}: Settings, General>"
    claims = {"project_id": asked.repository_id or missing, "ref_protected": "true"}
    return Workload(
        f"GitLab CI in {what}",
        asked.issuer or GITLAB,
        claims,
        ("project_id is where the code is from, also for a merge request from a fork; so never job_project_id.",),
    )


def _kubernetes(asked: Asked, namespace: str, account: str) -> Workload:
    if "/" in namespace:
        raise RequestInvalid("want kubernetes:NAMESPACE/ACCOUNT")
    if asked.issuer is None:
        raise RequestInvalid(
            "every cluster has an issuer of its own: add --issuer "
            "(kubectl get --raw /.well-known/openid-configuration tells it)"
        )
    claims = {"sub": f"system:serviceaccount:{namespace}:{account}"}
    return Workload(f"the service account {account} in {namespace}", asked.issuer, claims)


def _is_plain(text: str) -> bool:
    return bool(text) and all(each.isascii() and (each.isalnum() or each in "._-") for each in text)


def _quoted(text: str) -> str:
    return json.dumps(text)


def _tests(asked: Asked) -> Iterator[str]:
    team, (ci, staging, production) = asked.team, _accounts(asked)
    group = f"group:{_slug(asked)}-maintainers"
    wanted = asked.prod_tags[0].replace("*", "1")
    yield "# What the policy must allow, and what it must never: wharf policy test policy.yaml tests.yaml"
    yield "version: 1"
    yield "access:"
    yield from _case(ci, "may", "pull, push, tag", f"{team}/web:1.0")
    yield from _case(ci, "may_not", "delete, scan, approve, purge, audit, admin", f"{team}/web")
    yield from _case(ci, "may_not", "pull, push, tag, delete", "elsewhere/web:1.0")
    yield from _case(staging, "may", "pull", f"{team}/web:1.0")
    yield from _case(staging, "may_not", "push, tag, delete", f"{team}/web:1.0")
    yield from _case(production, "may", "pull", f"{team}/web:{wanted}")
    if not any(patterns.tag_matches(tag, "0.0-test") for tag in asked.prod_tags):
        yield from _case(production, "may_not", "pull", f"{team}/web:0.0-test")
    yield from _case(production, "may_not", "push, tag, delete", f"{team}/web:{wanted}")
    yield from _case(group, "may", "delete", f"{team}/web")
    yield from _case(group, "may_not", "purge", f"{team}/web")
    yield from _case(group, "may_not", "delete", "elsewhere/web")
    yield from _case("anonymous", "may_not", "pull, push", f"{team}/web:1.0")


def _case(principal: str, verb: str, words: str, repository: str) -> Iterator[str]:
    yield f"  - {{principal: '{principal}', {verb}: [{words}], repository: '{repository}'}}"
