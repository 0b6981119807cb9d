"""``acr purge`` as acr-cli does it: tags first, then what is without any; and the retention policy.

The command is given in its parts: {"filters": [(repo, tag)], "ago": seconds, "keep": n, "untagged": …}.
"""

import re
from typing import Any

from tests.lifecycle.foreign.inventory import DAY, KEPT, Fate, Image, by_repository, gone, untagged


def evaluate(purge: Any, images: list[Image]) -> dict[str, Fate]:
    return by_repository(images, lambda repository, some: _repository(purge, repository, some))


def _repository(purge: Any, repository: str, images: list[Image]) -> dict[str, Fate]:
    filters = [tags for wanted, tags in purge["filters"] if re.search(f"^{wanted}$", repository)]
    if not filters and (purge["filters"] or not purge.get("untagged_only")):
        return {image.id: KEPT for image in images}
    doomed = set() if purge.get("untagged_only") else _tags(purge, "|".join(filters), images)
    fates = {image.id: untagged(doomed & set(image.names)) for image in images}
    if purge.get("untagged") or purge.get("untagged_only"):
        bare = [image for image in images if not set(image.names) - doomed]
        fates |= {image.id: gone(image) for image in _manifests(purge, bare)}
    return fates


def _tags(purge: Any, expression: str, images: list[Image]) -> set[str]:
    eligible = [
        tag
        for image in images
        for tag in image.tags
        if re.search(expression, tag.name) and tag.age > purge["ago"] and not tag.protected
    ]
    return {tag.name for tag in sorted(eligible, key=lambda tag: tag.age)[purge.get("keep", 0) :]}


def _manifests(purge: Any, images: list[Image]) -> list[Image]:
    limit = purge.get("ago")
    found = [image for image in images if image.subject is None and (limit is None or image.age > limit)]
    return sorted(found, key=lambda image: image.age)[purge.get("keep", 0) :]


def retained(days: int, enabled: float, images: list[Image]) -> dict[str, Fate]:
    """The retention policy for untagged manifests, enabled so many seconds ago."""
    return {
        image.id: gone(image)
        if not image.tags and image.untagged is not None and days * DAY < image.untagged < enabled
        else KEPT
        for image in images
    }
