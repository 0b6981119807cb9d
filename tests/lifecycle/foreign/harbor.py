"""Harbor: src/pkg/retention (the or-algorithm and its evaluators) and doublestar 1.3.4."""

import json
from typing import Any

from tests.lifecycle.foreign.inventory import DAY, KEPT, Fate, Image, by_repository, gone

NEVER = float("inf")


def evaluate(policy: Any, images: list[Image]) -> dict[str, Fate]:
    rules = [rule for rule in policy["rules"] if not rule.get("disabled") and rule["tag_selectors"]]
    return by_repository(images, lambda name, some: _repository([r for r in rules if _about(r, name)], some))


def _about(rule: Any, name: str) -> bool:
    name = name.partition("/")[2] or name
    return all(
        matches(one["pattern"], name) == (one["decoration"] == "repoMatches")
        for one in rule["scope_selectors"]["repository"]
    )


def _repository(rules: list[Any], artifacts: list[Image]) -> dict[str, Fate]:
    if not rules:
        return {artifact.id: KEPT for artifact in artifacts}
    retained = {artifact.id for rule in rules for artifact in _retained(rule, artifacts)}
    retained |= {artifact.id for artifact in artifacts if any(tag.protected for tag in artifact.tags)}
    return {one.id: KEPT if one.id in retained else gone(one) for one in artifacts}


def _retained(rule: Any, artifacts: list[Image]) -> list[Image]:
    for selector in rule["tag_selectors"]:
        artifacts = [artifact for artifact in artifacts if _passes(selector, artifact)]
    template = rule["template"]
    number = rule.get("params", {}).get(template, 0)
    match template:
        case "always":
            return artifacts
        case "latestPushedK":
            return sorted(artifacts, key=_pushed)[:number]
        case "latestPulledN":
            return sorted(artifacts, key=_pulled)[:number]
        case "latestActiveK":
            return sorted(artifacts, key=lambda one: min(_pushed(one), _pulled(one)))[:number]
        case "nDaysSinceLastPush" | "lastXDays":
            return [one for one in artifacts if _pushed(one) <= number * DAY]
        case "nDaysSinceLastPull":
            return [one for one in artifacts if _pulled(one) <= number * DAY]
    raise AssertionError(template)


def _pushed(artifact: Image) -> float:
    return min([artifact.age, *(tag.age for tag in artifact.tags)])


def _pulled(artifact: Image) -> float:
    return NEVER if artifact.pulled is None else artifact.pulled


def _passes(selector: Any, artifact: Image) -> bool:
    said = json.loads(selector["extras"])["untagged"] if selector.get("extras") else None
    if selector["decoration"] == "matches":
        if not artifact.tags:
            return said is None or bool(said)
        return any(matches(selector["pattern"], name) for name in artifact.names)
    if not artifact.tags:
        return not said
    return any(not matches(selector["pattern"], name) for name in artifact.names)


def matches(pattern: str, name: str) -> bool:
    """Component by component, as doublestar 1.3.4 does."""
    return not pattern or _matching(pattern, name.split("/"))


def _matching(pattern: str, parts: list[str]) -> bool:
    if not pattern:
        return parts in ([], [""])
    if not parts:
        return False
    slash = pattern.find("/")
    first = pattern if slash < 0 else pattern[:slash]
    if first == "**":
        return slash < 0 or any(_matching(pattern[slash + 1 :], parts[i:]) for i in range(len(parts)))
    return any(
        (rest is None and len(parts) == 1) or (rest is not None and len(parts) > 1 and _matching(rest, parts[1:]))
        for rest in _component(pattern, parts[0])
    )


def _component(pattern: str, part: str) -> list[str | None]:
    """What may be left of the pattern once it has eaten this part: None if it ended with it."""
    if not pattern or pattern[0] == "/":
        return [] if part else [pattern[1:] if pattern else None]
    letter, rest = pattern[0], pattern[1:]
    if letter == "*":
        return [left for i in range(len(part) + 1) for left in _component(rest, part[i:])]
    if letter == "{":
        options, after = _options(rest)
        return [left for option in options for left in _component(option + after, part)]
    if not part:
        return []
    if letter == "[":
        end = rest.index("]")
        return _component(rest[end + 1 :], part[1:]) if _in_class(rest[:end], part[0]) else []
    if letter == "\\":
        letter, rest = rest[0], rest[1:]
    elif letter == "?":
        letter = part[0]
    return _component(rest, part[1:]) if letter == part[0] else []


def _options(text: str) -> tuple[list[str], str]:
    options, depth = [""], 0
    for i, letter in enumerate(text):
        if letter == "}" and depth == 0:
            return options, text[i + 1 :]
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            options.append("")
        else:
            options[-1] += letter
    raise AssertionError(text)


def _in_class(inside: str, letter: str) -> bool:
    negated = inside.startswith("^")
    inside = inside.removeprefix("^")
    found, i = False, 0
    while i < len(inside):
        last = inside[i + 2] if inside[i + 1 : i + 2] == "-" and i + 2 < len(inside) else inside[i]
        found |= inside[i] <= letter <= last
        i += 3 if inside[i + 1 : i + 2] == "-" and i + 2 < len(inside) else 1
    return found != negated
