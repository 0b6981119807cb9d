"""Quay: data/model/autoprune.py, all dates before all counts."""

import re
from typing import Any

from tests.lifecycle.foreign.inventory import DAY, Fate, Image, Tag, by_repository, untagged

UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY, "w": 7 * DAY, "y": 365 * DAY}


def evaluate(policy: Any, images: list[Image]) -> dict[str, Fate]:
    return by_repository(images, lambda _, some: _repository(policy["policies"], some))


def _repository(policies: list[Any], images: list[Image]) -> dict[str, Fate]:
    live = [tag for image in images for tag in image.tags]
    before = {tag.name for tag in live}
    for method in ("creation_date", "number_of_tags"):
        for policy in policies:
            if policy["method"] == method:
                pruned = _pruned(policy, live)
                live = [tag for tag in live if tag not in pruned]
    doomed = before - {tag.name for tag in live}
    return {image.id: untagged(doomed & set(image.names)) for image in images}


def _pruned(policy: Any, live: list[Tag]) -> list[Tag]:
    tags = [
        tag for tag in live if not tag.protected and not re.fullmatch(r"sha256-[0-9a-f]+\.(sig|att|sbom)", tag.name)
    ]
    if policy.get("tagPattern"):
        wanted = bool(policy.get("tagPatternMatches"))
        tags = [tag for tag in tags if (re.search(policy["tagPattern"], tag.name) is not None) == wanted]
    if policy["method"] == "number_of_tags":
        return sorted(tags, key=lambda tag: tag.age)[policy["value"] :]
    limit = int(policy["value"][:-1]) * UNITS[policy["value"][-1]]
    return [tag for tag in tags if tag.age > limit]
