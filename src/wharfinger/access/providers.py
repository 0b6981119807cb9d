"""What is particular about the issuers that everybody uses: which of their claims last, and which mislead.

A name can be given up and taken by somebody else; a number is given once. So a rule has to have the number of an owner
or a repository. Kubernetes is different: its own permissions name service accounts by namespace and name.
"""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from urllib.parse import urlsplit

Rule = Mapping[str, Sequence[str]]


class Provider(Enum):
    """Whose tokens they are, as far as the address and the rule tell."""

    GITHUB = "GitHub Actions"
    GITLAB = "GitLab CI"
    KUBERNETES = "Kubernetes"
    OTHER = "another issuer"


_GITHUB_IDS = ("repository_id", "repository_owner_id")
_GITLAB_IDS = ("project_id", "namespace_id")
_KUBERNETES_UID = "/kubernetes.io/serviceaccount/uid"
_KUBERNETES_NAMES = ("/kubernetes.io/namespace", "/kubernetes.io/serviceaccount/name")
_IDS = {
    Provider.GITHUB: _GITHUB_IDS,
    Provider.GITLAB: _GITLAB_IDS,
    Provider.KUBERNETES: (_KUBERNETES_UID,),
    Provider.OTHER: ("sub", *_GITHUB_IDS, *_GITLAB_IDS, _KUBERNETES_UID),
}
_GITHUB_SUB_WITH_IDS = re.compile(r"repo:[^:/@]+@\d+/[^:/@]+@\d+:.+", re.ASCII)
_KUBERNETES_SUB = re.compile(r"system:serviceaccount:[^:]+:[^:]+")

_GITHUB_HOST = re.compile(r"token\.actions\.(githubusercontent\.com|[a-z0-9-]+\.ghe\.com)")
_KUBERNETES_HOST = re.compile(
    r"kubernetes(\.default(\.svc(\..+)?)?)?|oidc\.eks(-fips)?\..+|container\.googleapis\.com|.+\.oic\..*aks\.azure\..+"
)
_SUBJECTS = {
    "repo:": Provider.GITHUB,
    "project_path:": Provider.GITLAB,
    "system:serviceaccount:": Provider.KUBERNETES,
}

FOREIGN_AUDIENCES = frozenset(
    {
        "sigstore",
        "sts.amazonaws.com",
        "api://AzureADTokenExchange",
        "https://vault.hashicorp.com",
        "kubernetes",
        "api",
        "https://kubernetes.default.svc",
        "https://kubernetes.default.svc.cluster.local",
    }
)
"""Audiences of tokens that are made for somebody else, who could use them here."""


def of(issuer: str, rule: Rule | None = None) -> Provider:
    """Whose issuer this is."""
    url = urlsplit(issuer)
    host = url.hostname or ""
    if _GITHUB_HOST.fullmatch(host) or url.path.startswith("/_services/token"):
        return Provider.GITHUB
    if host == "gitlab.com":
        return Provider.GITLAB
    if _KUBERNETES_HOST.fullmatch(host):
        return Provider.KUBERNETES
    return _by_rule(rule or {})


def _by_rule(rule: Rule) -> Provider:
    for subject in rule.get("sub", ()):
        for beginning, provider in _SUBJECTS.items():
            if subject.startswith(beginning):
                return provider
    if any(claim.startswith("/kubernetes.io/") for claim in rule):
        return Provider.KUBERNETES
    if any(claim.removeprefix("job_") in {"project_path", "namespace_path", "project_id"} for claim in rule):
        return Provider.GITLAB
    return Provider.OTHER


def is_bound_to_an_id(issuer: str, rule: Rule) -> bool:
    """Whether something in the rule cannot come to mean somebody else."""
    provider = of(issuer, rule)
    if any(claim in rule for claim in _IDS[provider]):
        return True
    subjects = rule.get("sub", ())
    if provider is Provider.GITHUB:
        return bool(subjects) and all(_GITHUB_SUB_WITH_IDS.fullmatch(subject) for subject in subjects)
    if provider is Provider.KUBERNETES:
        named = all(claim in rule for claim in _KUBERNETES_NAMES)
        return named or (bool(subjects) and all(_KUBERNETES_SUB.fullmatch(subject) for subject in subjects))
    return False


def wanted_ids(issuer: str, rule: Rule) -> str:
    """What a rule for this issuer should have, in words."""
    provider = of(issuer, rule)
    if provider is Provider.KUBERNETES:
        return f"{_KUBERNETES_UID}, or both {' and '.join(_KUBERNETES_NAMES)}"
    if provider is Provider.GITLAB and any(claim.startswith("job_") for claim in rule):
        return "project_id or namespace_id (job_project_id is yours in the pipeline of a fork as well)"
    return " or ".join(_IDS[provider][:2] if provider is not Provider.OTHER else ("sub", "the id of what it is"))


def warnings(issuer: str, rule: Rule) -> list[str]:
    """What whoever makes the rule should know of it. Nothing here is an error."""
    match of(issuer, rule):
        case Provider.GITHUB:
            return [*_of_github(rule)]
        case Provider.GITLAB:
            return [*_of_gitlab(rule)]
        case _:
            return []


def _of_github(rule: Rule) -> list[str]:
    told = []
    if "sub" in rule:
        told.append(
            "sub has two forms on GitHub, repo:OWNER/NAME:… and repo:OWNER@ID/NAME@ID:…, and which one a repository "
            "has changes when it is renamed or moved; organisations can also change what is in it: match on "
            "repository_id, ref and environment instead"
        )
    if not rule.keys() & {"sub", "ref", "environment", "job_workflow_ref", "workflow_ref", "sha", "ref_protected"}:
        told.append("every branch, tag and pull request of it matches: add ref=refs/heads/main, or environment=NAME")
    if {"pull_request", "pull_request_target"} & {*rule.get("event_name", ())}:
        told.append("pull requests match: whoever can open one may act as this account")
    return told


def _of_gitlab(rule: Rule) -> list[str]:
    told = []
    if any(claim.startswith("job_") for claim in rule):
        told.append(
            "job_project_* and job_namespace_* say where a pipeline runs: for a merge request from a fork that can be "
            "your project, with the fork's code; project_id and namespace_id say whose code it is"
        )
    if not rule.keys() & {"sub", "ref", "ref_path", "ref_protected", "environment", "environment_protected"}:
        told.append("every branch, tag and merge request of it matches: add ref_protected=true, or ref_path=…")
    return told


def is_foreign_audience(issuer: str, audience: str) -> bool:
    """Whether tokens with this audience are made without anybody thinking of us."""
    url = audience.rstrip("/")
    if url in FOREIGN_AUDIENCES or url == issuer.rstrip("/"):
        return True
    # GitHub's own default is the address of the owner.
    return of(issuer) is Provider.GITHUB and urlsplit(url).hostname in {"github.com", urlsplit(issuer).hostname}
