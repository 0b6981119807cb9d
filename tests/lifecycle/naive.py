"""The lifecycle language once more, written from its text alone: slow, on plain data, sharing nothing with the product.

Every sentence of the specification is one small function. Selectors are lists and globs without a slash.
"""

import re
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

Fields = dict[str, Any]
NEVER = datetime.min.replace(tzinfo=UTC)


def verdicts(policies: list[Fields], images: list[Fields], now: str) -> list[tuple[str, str | None, list[str]]]:
    """(verdict, rule, tags removed) of each."""
    found: dict[int, tuple[str, str | None, list[str]]] = {}
    for repository in {image.get("repository", "") for image in images}:
        numbers = [i for i, image in enumerate(images) if image.get("repository", "") == repository]
        one = World([images[i] for i in numbers], at(now))
        one.decide(joined(policies, repository))
        found |= {i: one.verdict(number) for number, i in enumerate(numbers)}
    return [found[i] for i in range(len(images))]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def lasting(text: str) -> timedelta:
    return timedelta(**{{"d": "days", "h": "hours", "s": "seconds"}[text[-1]]: int(text[:-1])})


def satisfies(selector: Any, text: str) -> bool:
    if isinstance(selector, str):
        return fnmatchcase(text, selector.replace("**", "*"))
    if isinstance(selector, list):
        return any(satisfies(each, text) for each in selector)
    if "not" in selector:
        return not satisfies(selector["not"], text)
    if "all" in selector:
        return all(satisfies(each, text) for each in selector["all"])
    if "regex" in selector:
        return re.fullmatch(selector["regex"], text) is not None
    return any(satisfies(each, text) for each in selector["any"])


def joined(policies: list[Fields], repository: str) -> list[tuple[str, Fields]]:
    """Binding first, widest first; then the others, narrowest first: exact name, longest prefix, file order."""

    def narrow(policy: Fields) -> tuple[bool, int]:
        selectors = policy["repositories"] if isinstance(policy["repositories"], list) else [policy["repositories"]]
        return max(("*" not in each, len(each.split("*")[0])) for each in selectors if satisfies(each, repository))

    mine = [policy for policy in policies if satisfies(policy["repositories"], repository)]
    binding = sorted((policy for policy in mine if policy.get("binding")), key=narrow)
    others = sorted(
        (policy for policy in mine if not policy.get("binding")),
        key=lambda policy: (not narrow(policy)[0], -narrow(policy)[1]),
    )
    return [
        (rule.get("name", f"{policy['name']}/{number}"), rule)
        for policy in binding + others
        for number, rule in enumerate(policy["rules"], start=1)
    ]


class World:
    """One repository."""

    def __init__(self, images: list[Fields], now: datetime) -> None:
        self.images, self.now = images, now
        self.by_id = {image["id"]: i for i, image in enumerate(images)}
        self.left = [[tag for tag in self.tags(i) if self.ordinary(tag["name"])] for i in range(len(images))]
        self.had = [list(tags) for tags in self.left]
        self.decision: dict[int, tuple[str, str]] = {}
        self.untagged_by: dict[int, str] = {}
        self.candidates = [i for i in range(len(images)) if self.had[i] or not self.owners(i)]

    # What belongs together

    def tags(self, i: int) -> list[Fields]:
        image = self.images[i]
        return [
            {"pushed": image["pushed"]} | (tag if isinstance(tag, dict) else {"name": tag}) for tag in image["tags"]
        ]

    @staticmethod
    def refers_to(tag: str) -> str | None:
        found = re.fullmatch(r"sha256-([0-9a-f]{64})(\.sig|\.att|\.sbom)?", tag)
        return f"sha256:{found[1]}" if found else None

    def ordinary(self, tag: str) -> bool:
        return self.refers_to(tag) is None

    def indexes(self, i: int) -> list[int]:
        id = self.images[i]["id"]
        return [j for j, other in enumerate(self.images) if j != i and id in other.get("children", [])]

    def subjects(self, i: int) -> list[int]:
        ids = {self.images[i].get("subject")} | {self.refers_to(tag["name"]) for tag in self.tags(i)}
        return [j for j, other in enumerate(self.images) if j != i and other["id"] in ids]

    def owners(self, i: int) -> list[int]:
        return self.indexes(i) + self.subjects(i)

    # What is known of an item: (image, tag or None)

    def pulled(self, i: int, seen: tuple[int, ...] = ()) -> datetime | None:
        """A pull of a child counts for its indexes."""
        own = self.images[i].get("pulled")
        found = [at(own)] if own else []
        for j in range(len(self.images)):
            if j not in (*seen, i) and i in self.indexes(j):
                below = self.pulled(j, (*seen, i))
                found += [below] if below else []
        return max(found, default=None)

    def visible(self, item: tuple[int, Fields | None]) -> list[Fields]:
        i, tag = item
        return self.left[i] if tag is None else [tag]

    def pushed(self, item: tuple[int, Fields | None]) -> datetime:
        i, tag = item
        return at(self.images[i]["pushed"] if tag is None else tag["pushed"])

    def when(self, what: str, item: tuple[int, Fields | None], tags: list[Fields]) -> datetime | None:
        image = self.images[item[0]]
        if what == "tagged":
            return max((at(tag["pushed"]) for tag in tags), default=self.pushed(item))
        if what == "pulled":
            return self.pulled(item[0])
        if what == "created":
            return at(image["created"]) if "created" in image else self.pushed(item)
        return self.pushed(item)

    def protection(self, i: int) -> bool:
        image = self.images[i]
        held = "held_until" in image and self.now < at(image["held_until"])
        return held or image.get("in_use", False) or any(tag.get("protected") for tag in self.tags(i))

    # Conditions

    def selected(self, group: Fields, item: tuple[int, Fields | None]) -> list[Fields]:
        return [tag for tag in self.visible(item) if "tags" not in group or satisfies(group["tags"], tag["name"])]

    def holds(self, group: Fields, item: tuple[int, Fields | None], untag: bool) -> bool:
        if not all(self.condition(key, group, item, untag) for key in group if key not in {"newest", "by", "per"}):
            return False
        return "newest" not in group or self.is_newest(group, item, untag)

    def condition(self, key: str, group: Fields, item: tuple[int, Fields | None], untag: bool) -> bool:  # noqa: PLR0911, PLR0912
        value, (i, tag), names = group[key], item, [tag["name"] for tag in self.visible(item)]
        image = self.images[i]
        if key in {"all", "any"}:
            return {"all": all, "any": any}[key](self.holds(each, item, untag) for each in value)
        if "_" in key and key.split("_")[1] in {"before", "within"}:
            what, which = key.split("_")
            when = self.when(what, item, self.selected(group, item))
            if when is None:
                return which == "before" and self.now - self.pushed(item) > lasting(value)
            return (self.now - when > lasting(value)) == (which == "before")
        since = at(str(image.get("untagged_since", image["pushed"])))
        if self.had[i] and not self.left[i]:
            since = self.now  # it has just lost them
        match key:
            case "not":
                return not self.holds(value, item, untag)
            case "tags":
                return any(satisfies(value, name) for name in names)
            case "all_tags":
                return bool(names) and all(satisfies(value, name) for name in names)
            case "untagged":
                return bool((not names) == value)
            case "untagged_for":
                return not names and self.now - since > lasting(value)
            case "never_pulled":
                return bool((self.pulled(i) is None) == value)
            case "protected":
                return bool((self.protection(i) if tag is None else tag.get("protected", False)) == value)
            case "larger_than":
                return bool(image.get("size", -1) > value)
            case "smaller_than":
                return "size" in image and bool(image["size"] < value)
            case "labels":
                return all(k in image.get("labels", {}) and satisfies(v, image["labels"][k]) for k, v in value.items())
        raise AssertionError(key)

    def items(self, untag: bool) -> list[tuple[int, Fields | None]]:
        if untag:
            return [(i, tag) for i in self.candidates for tag in self.left[i]]
        return [(i, None) for i in self.candidates]

    def is_newest(self, group: Fields, item: tuple[int, Fields | None], untag: bool) -> bool:
        """Fewer than N of those that the group's other conditions select come before it, in one of its parts."""
        rest = {key: value for key, value in group.items() if key not in {"newest", "by", "per"}}
        rivals = [other for other in self.items(untag) if self.holds(rest, other, untag)]
        if "per" not in group:
            return bool(sum(self.before(group, other, item, None) for other in rivals) < group["newest"])
        return any(
            sum(self.before(group, other, item, part) for other in rivals if part in self.parts(group, other))
            < group["newest"]
            for part in self.parts(group, item)
        )

    def parts(self, group: Fields, item: tuple[int, Fields | None]) -> set[Any]:
        return {self.part(group, tag) for tag in self.selected(group, item)} - {None}

    @staticmethod
    def part(group: Fields, tag: Fields) -> Any:
        if group["per"] in {"major", "minor"}:
            numbers = version(tag["name"])
            return None if numbers is None else numbers[: 1 if group["per"] == "major" else 2]
        found = re.fullmatch(group["tags"]["regex"], tag["name"])
        return found[group["per"]] if found else None

    def before(
        self, group: Fields, one: tuple[int, Fields | None], other: tuple[int, Fields | None], part: Any
    ) -> bool:
        ranks = []
        for item in (one, other):
            tags = [tag for tag in self.selected(group, item) if part is None or self.part(group, tag) == part]
            ranks.append(self.rank(group.get("by", "tagged"), item, tags))
        if ranks[0] != ranks[1]:
            return bool(ranks[0] > ranks[1])

        def name(item: tuple[int, Fields | None]) -> tuple[str, str]:
            return self.images[item[0]]["id"], item[1]["name"] if item[1] else ""

        return name(one) < name(other)

    def rank(self, by: str, item: tuple[int, Fields | None], tags: list[Fields]) -> Any:
        if by == "version":
            return max((numbers for tag in tags if (numbers := version(tag["name"]))), default=(-1,))
        if by == "active":
            return max(self.when(what, item, tags) or NEVER for what in ("pushed", "tagged", "pulled"))
        return self.when(by, item, tags) or NEVER

    # From rules to verdicts

    def decide(self, rules: list[tuple[str, Fields]]) -> None:
        for label, rule in rules:
            action = next(key for key in ("keep", "delete", "untag") if key in rule)
            untag = action == "untag"
            items = [item for item in self.items(untag) if item[0] not in self.decision]
            matching = [item for item in items if self.holds(rule[action], item, untag)]
            for i, tag in matching:
                if tag is None:
                    self.decision[i] = (action, label)
                elif not tag.get("protected"):
                    self.left[i] = [other for other in self.left[i] if other is not tag]
                    self.untagged_by.setdefault(i, label)

    def may_be_decided(self, i: int) -> bool:
        """Whether a candidate is among its owners, and theirs; whatever no rule decides, even so, stays."""
        known, waiting = {i}, [i]
        while waiting:
            more = set(self.owners(waiting.pop())) - known
            known |= more
            waiting += more
        return any(each in self.candidates for each in known)

    def stays(self) -> set[int]:
        everything = range(len(self.images))
        stay = {i for i in self.candidates if self.decision.get(i, ("keep",))[0] != "delete"}
        stay |= {i for i in everything if self.protection(i)}
        stay |= {i for i in everything if not self.may_be_decided(i)}
        while True:
            more = set()
            for i in everything:
                more |= {i} if any(owner in stay for owner in self.owners(i)) else set()
                if i in stay and self.had[i]:
                    more |= set(self.subjects(i))
            if more <= stay:
                return stay
            stay |= more

    def verdict(self, i: int) -> tuple[str, str | None, list[str]]:
        own = self.decision.get(i, (None, None))[1]
        if i not in self.candidates:
            own = "shared"
        if i not in self.stays():
            return "delete", own, [tag["name"] for tag in self.tags(i)]
        left = [tag["name"] for tag in self.left[i]]
        gone = [tag["name"] for tag in self.had[i] if tag["name"] not in left]
        return ("untag", self.untagged_by[i], gone) if gone else ("keep", own, [])


def version(tag: str) -> tuple[int, ...] | None:
    """Major, minor and patch of tags such as 1.4 and 1.4.2."""
    found = re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?", tag)
    return tuple(int(number or 0) for number in found.groups()) if found else None
