"""The vendors' own examples, and the cases where one is easily wrong: policy, images, and what goes."""

import json
from dataclasses import dataclass
from typing import Any

from tests.lifecycle.foreign import acr, ecr, gar, gitlab, harbor, quay
from tests.lifecycle.foreign.inventory import DAY, Fate, Image, Tag

EVALUATORS = {
    "acr": acr.evaluate,
    "ecr": ecr.evaluate,
    "gar": gar.evaluate,
    "gitlab": gitlab.evaluate,
    "harbor": harbor.evaluate,
    "quay": quay.evaluate,
}


@dataclass(frozen=True)
class Vector:
    name: str
    kind: str
    policy: Any
    images: list[Image]
    goes: set[str]
    """Images, or tags where the vendor deletes tags."""
    command: str = ""

    @property
    def text(self) -> str:
        """What the importer reads."""
        return self.command or json.dumps(self.policy)

    def foreign(self) -> dict[str, Fate]:
        return EVALUATORS[self.kind](self.policy, self.images)


def ecr_rule(priority: int, count: str, number: int, *, tags: list[str] | None = None, status: str = "tagged") -> Any:
    selection: dict[str, Any] = {"tagStatus": status, "countType": count, "countNumber": number}
    if tags:
        selection["tagPatternList"] = tags
    if count == "sinceImagePushed":
        selection["countUnit"] = "days"
    return {"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}


def image(name: str, days: float, *tags: str, repository: str = "shop/web", **more: Any) -> Image:
    """Pushed so many days ago, its tags at that time too."""
    return Image(name, days * DAY, tuple(Tag(tag, days * DAY) for tag in tags), repository, **more)


def tags(**days: float) -> list[Image]:
    """An image for each tag, which has its name."""
    return [image(name, age, name) for name, age in days.items()]


_PROD_BETA = [image("A", 10, "beta-1", "prod-1"), image("B", 9, "beta-2", "prod-2"), image("C", 8, "beta-3")]
_COUNT, _AGE = "imageCountMoreThan", "sinceImagePushed"
_GITLAB = [
    *tags(**{"latest": 30, "production-v44": 25, "production-v43": 26, "production-v42": 27}),
    *tags(**{"dev-v44": 2, "dev-v43": 5, "dev-v42": 10, "v44": 1, "v43": 12, "v42": 20}),
]
_HELLO = tags(hello1=1, hello2=8, hello3=9, hello4=10, othello=20)
_HELLO = [image(one.id, one.age / DAY, *one.names, repository="hello-world") for one in _HELLO]
_FIVE = tags(t1=1, t2=2, t3=3, t4=4, t5=5)


def _retain(template: str, number: int, pattern: str, decoration: str = "matches", **extras: bool) -> Any:
    selector = {"kind": "doublestar", "decoration": decoration, "pattern": pattern}
    if extras:
        selector["extras"] = json.dumps(extras)
    scope = {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": "**"}]}
    params = {} if template == "always" else {template: number}
    about = {"disabled": False, "action": "retain", "template": template, "params": params}
    return {"algorithm": "or", "rules": [{**about, "tag_selectors": [selector], "scope_selectors": scope}]}


def _purge(command: str, **policy: Any) -> Any:
    return {"command": f"acr purge {command}", "policy": policy, "kind": "acr"}


def _quay(*policies: tuple[str, Any], **more: Any) -> Any:
    return {"policies": [{"uuid": f"u{i}", "method": m, "value": v, **more} for i, (m, v) in enumerate(policies)]}


def _about(pattern: str, policy: Any) -> Any:
    policy["rules"][0]["scope_selectors"]["repository"][0]["pattern"] = pattern
    return policy


VECTORS = [
    Vector(
        "ECR: prod before beta",
        "ecr",
        {"rules": [ecr_rule(1, _COUNT, 1, tags=["prod*"]), ecr_rule(2, _COUNT, 1, tags=["beta*"])]},
        _PROD_BETA,
        {"A"},
    ),
    Vector(
        "ECR: beta before prod",
        "ecr",
        {"rules": [ecr_rule(2, _COUNT, 1, tags=["prod*"]), ecr_rule(1, _COUNT, 1, tags=["beta*"])]},
        _PROD_BETA,
        {"A", "B"},
    ),
    Vector(
        "ECR: patterns are joined by and",
        "ecr",
        {"rules": [ecr_rule(1, _AGE, 5, tags=["alpha*", "beta*"])]},
        [
            image("A", 12, "alpha"),
            image("B", 11, "beta"),
            image("C", 10, "alpha", "beta"),
            image("F", 2, "alpha", "beta"),
        ],
        {"C"},
    ),
    Vector(
        "ECR: what a rule has claimed no later one expires",
        "ecr",
        {"rules": [ecr_rule(1, _AGE, 14, tags=["prod*"]), ecr_rule(2, _AGE, 1, status="any")]},
        [image("prod", 3, "prod-1"), image("dev", 3, "dev-1"), image("bare", 0.5)],
        {"dev"},
    ),
    Vector(
        "ECR: counts include what was claimed before",
        "ecr",
        {"rules": [ecr_rule(1, _COUNT, 9999, tags=["prod*"]), ecr_rule(2, _COUNT, 1, status="any")]},
        [image("prod", 1, "prod-1"), image("dev", 2, "dev-1")],
        {"dev"},
    ),
    Vector(
        "Artifact Registry: the documentation's example",
        "gar",
        [
            {"name": "old", "action": {"type": "Delete"}, "condition": {"olderThan": "100d"}},
            {"name": "keep", "action": {"type": "Keep"}, "condition": {"tagPrefixes": ["2.0.6"]}},
            {"name": "default", "action": {"type": "Delete"}, "condition": {"tagPrefixes": ["default"]}},
        ],
        [image("A", 120, "default", "2.0.1"), image("B", 150, "default", "2.0.6"), image("C", 20, "patch", "1.9.2")],
        {"A"},
    ),
    Vector(
        "Artifact Registry: keeping alone deletes nothing",
        "gar",
        {"min": {"id": "min", "action": "KEEP", "mostRecentVersions": {"keepCount": 1}}},
        [image("A", 120), image("B", 150)],
        set(),
    ),
    Vector(
        "GitLab: the documentation's example",
        "gitlab",
        {"enabled": True, "keep_n": 1, "older_than": "7d", "name_regex": ".*", "name_regex_keep": "production-.*"},
        _GITLAB,
        {"dev-v42", "v43", "v42"},
    ),
    Vector(
        "GitLab: only the ends of alternatives are bound",
        "gitlab",
        {"name_regex": "dev-.*|v42", "name_regex_keep": ""},
        tags(**{"xxv42": 1, "dev-1anything": 1, "v42x": 1, "xdev-1": 1}),
        {"xxv42", "dev-1anything"},
    ),
    Vector(
        "GitLab: what is kept uses up no place, what is protected does",
        "gitlab",
        {"keep_n": 1, "name_regex": "v.*", "name_regex_keep": "v9"},
        [*tags(v9=1, v2=3, v1=4), Image("v3", 2 * DAY, (Tag("v3", 2 * DAY, protected=True),))],
        {"v2", "v1"},
    ),
    Vector(
        name="acr purge: recent tags do not count",
        images=_HELLO,
        goes={"hello4"},
        **_purge(
            "--filter 'hello-world:^hello.*' --ago 7d --keep 2",
            filters=[("hello-world", "^hello.*")],
            ago=7 * DAY,
            keep=2,
        ),
    ),
    Vector(
        name="acr purge: the tag's side is not bound",
        images=_HELLO,
        goes={"hello2", "hello3", "hello4", "othello"},
        **_purge("--filter hello-world:hello --ago 7d", filters=[("hello-world", "hello")], ago=7 * DAY),
    ),
    Vector(
        "Quay: a date and a count", "quay", _quay(("number_of_tags", 4), ("creation_date", "3d")), _FIVE, {"t4", "t5"}
    ),
    Vector("Quay: a count", "quay", _quay(("number_of_tags", 4)), _FIVE, {"t5"}),
    Vector("Quay: two counts", "quay", _quay(("number_of_tags", 3), ("number_of_tags", 2)), _FIVE, {"t3", "t4", "t5"}),
    Vector(
        "Quay: dates come before counts, in whatever order they are given",
        "quay",
        {
            "policies": [
                {"uuid": "u0", "method": "number_of_tags", "value": 2},
                {"uuid": "u1", "method": "creation_date", "value": "3d", "tagPattern": "^p", "tagPatternMatches": True},
            ]
        },
        tags(p1=5, x=6, y=7),
        {"p1"},
    ),
    Vector(
        "Quay: a pattern without tagPatternMatches inverts",
        "quay",
        _quay(("creation_date", "2d"), tagPattern="t[34]"),
        _FIVE,
        {"t5"},
    ),
    Vector(
        "Harbor: excludes passes whoever has a tag that does not match",
        "harbor",
        _retain("always", 0, "v1", "excludes"),
        [image("both", 1, "v1", "stable"), image("v1", 1, "v1"), image("bare", 1)],
        {"v1"},
    ),
    Vector(
        "Harbor: untagged passes unless it is said not to",
        "harbor",
        _retain("latestPushedK", 2, "**", untagged=False),
        [image("new", 1, "a"), image("bare", 2), image("older", 3, "b"), image("oldest", 4, "c")],
        {"bare", "oldest"},
    ),
    Vector(
        "Harbor: a new tag makes an old artifact new",
        "harbor",
        _retain("nDaysSinceLastPush", 7, "v*"),
        [Image("promoted", 90 * DAY, (Tag("v1", 90 * DAY), Tag("prod", DAY))), image("old", 90, "v2")],
        {"old"},
    ),
    Vector(
        "Harbor: a repository is matched without its project",
        "harbor",
        _about("a/b", _retain("always", 0, "v*")),
        [image("in", 1, "x", repository="shop/a/b"), image("out", 1, "x", repository="a/b")],
        {"in"},
    ),
    Vector(
        "Harbor: never pulled is pulled in the year 1",
        "harbor",
        _retain("nDaysSinceLastPull", 7, "**"),
        [image("never", 1, "a"), image("pulled", 90, "b", pulled=DAY)],
        {"never"},
    ),
]


def went(fates: dict[str, Fate]) -> set[str]:
    """Images that are deleted, and tags that are taken."""
    deleted = {name for name, fate in fates.items() if fate.verdict == "delete"}
    return deleted | {tag for fate in fates.values() if fate.verdict == "untag" for tag in fate.removed}
