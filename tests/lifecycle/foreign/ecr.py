"""ECR: "each rule claims", userguide/LifecyclePolicies and lifecycle_policy_examples."""

import re
from typing import Any

from tests.lifecycle.foreign.inventory import DAY, KEPT, Fate, Image, by_repository, gone


def evaluate(policy: Any, images: list[Image]) -> dict[str, Fate]:
    return by_repository(images, lambda _, some: _repository(policy, some))


def _repository(policy: Any, images: list[Image]) -> dict[str, Fate]:
    claimed: set[str] = set()
    expired: set[str] = set()
    for rule in sorted(policy["rules"], key=lambda rule: rule["rulePriority"]):
        selection = rule["selection"]
        selected = [image for image in images if _selects(selection, image)]
        expired |= {image.id for image in _candidates(selection, selected)} - claimed
        claimed |= {image.id for image in selected}
    return {image.id: gone(image) if image.id in expired else KEPT for image in images}


def _selects(selection: Any, image: Image) -> bool:
    match selection["tagStatus"]:
        case "any":
            return True
        case "untagged":
            return not image.tags
    patterns = selection.get("tagPatternList") or [f"{prefix}*" for prefix in selection["tagPrefixList"]]
    return all(any(_matches(pattern, name) for name in image.names) for pattern in patterns)


def _matches(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), name) is not None


def _candidates(selection: Any, images: list[Image]) -> list[Image]:
    number = selection["countNumber"]
    if selection["countType"] == "imageCountMoreThan":
        return sorted(images, key=lambda image: image.age)[number:]
    return [image for image in images if image.age > number * DAY]
