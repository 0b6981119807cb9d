"""Artifact Registry: "a KEEP beats a DELETE", repositories/cleanup-policy and -overview."""

from typing import Any

from tests.lifecycle.foreign.inventory import DAY, KEPT, Fate, Image, by_repository, gone

UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY}


def evaluate(policy: Any, images: list[Image]) -> dict[str, Fate]:
    policies = policy if isinstance(policy, list) else list(policy.get("cleanupPolicies", policy).values())
    return by_repository(images, lambda package, versions: _package(policies, package, versions))


def _package(policies: list[Any], package: str, versions: list[Image]) -> dict[str, Fate]:
    kept: set[str] = set()
    deleted: set[str] = set()
    for policy in policies:
        action = policy["action"]["type"] if isinstance(policy["action"], dict) else policy["action"]
        found = kept if action.upper() == "KEEP" else deleted
        found |= {version.id for version in _matching(policy, package, versions)}
    return {one.id: gone(one) if one.id in deleted - kept else KEPT for one in versions}


def _matching(policy: Any, package: str, versions: list[Image]) -> list[Image]:
    if "mostRecentVersions" in policy:
        recent = policy["mostRecentVersions"]
        if not _begins([package], recent.get("packageNamePrefixes")):
            return []
        return sorted(versions, key=lambda version: version.age)[: recent["keepCount"]]
    return [version for version in versions if _holds(policy["condition"], package, version)]


def _holds(condition: Any, package: str, version: Image) -> bool:
    state = condition.get("tagState", "ANY").upper()
    return (
        (state == "ANY" or (state == "TAGGED") == bool(version.tags))
        and _begins(version.names, condition.get("tagPrefixes"))
        and _begins([version.id], condition.get("versionNamePrefixes"))
        and _begins([package], condition.get("packageNamePrefixes"))
        and ("olderThan" not in condition or version.age > _seconds(condition["olderThan"]))
        and ("newerThan" not in condition or version.age < _seconds(condition["newerThan"]))
    )


def _begins(texts: list[str], prefixes: list[str] | None) -> bool:
    return prefixes is None or any(text.startswith(prefix) for text in texts for prefix in prefixes)


def _seconds(text: str) -> int:
    return int(text[:-1]) * UNITS[text[-1]]
