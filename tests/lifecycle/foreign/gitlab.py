"""GitLab: CleanupTagsBaseService, step by step, without the pages of 1,000 tags."""

from typing import Any

import re2  # type: ignore[import-untyped]

from tests.lifecycle.foreign.inventory import DAY, Fate, Image, Tag, by_repository, untagged

UNITS = {"h": 3600, "d": DAY}


def evaluate(policy: Any, images: list[Image]) -> dict[str, Fate]:
    policy = policy.get("container_expiration_policy", policy)
    return by_repository(images, lambda _, some: _repository(policy, some))


def _repository(policy: Any, images: list[Image]) -> dict[str, Fate]:
    tags = [tag for image in images for tag in image.tags]
    doomed = {tag.name for tag in _doomed(policy, tags)} if policy.get("enabled", True) else set()
    return {image.id: untagged(doomed & set(image.names)) for image in images}


def _doomed(policy: Any, tags: list[Tag]) -> list[Tag]:
    delete, keep = policy.get("name_regex"), policy.get("name_regex_keep")
    if not delete:
        return []
    tags = [tag for tag in tags if tag.name != "latest"]
    tags = [tag for tag in tags if _found(delete, tag.name) and not (keep and _found(keep, tag.name))]
    if policy.get("keep_n"):
        tags = sorted(tags, key=lambda tag: tag.age)[policy["keep_n"] :]
    if policy.get("older_than"):
        limit = int(policy["older_than"][:-1]) * UNITS[policy["older_than"][-1]]
        tags = [tag for tag in tags if tag.age > limit]
    return [tag for tag in tags if not tag.protected]


def _found(expression: str, name: str) -> bool:
    return re2.search(rf"\A{expression}\z", name) is not None  # GitLab runs them on RE2, too
