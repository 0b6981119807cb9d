"""Random policies of each vendor: what the importer reads, and what the foreign evaluator reads."""

import json
import shlex
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from tests.lifecycle.foreign.inventory import DAY
from tests.lifecycle.foreign.random_images import some

Made = tuple[str, Any]
GLOBS = ("*", "prod*", "dev-*", "v*", "*1", "alpha*", "beta*", "release-1", "*-*2", "v1.*")
PREFIXES = ("prod", "dev-", "v", "alpha", "beta", "release-1", "latest")
EXPRESSIONS = (
    ".*", "dev-.*", "v.+", "prod", "dev-.*|v42", "v42|latest", "[a-z]+-?1", "(dev|prod)-.*", "^v", "1$", "^dev-1$|2$",
    "(?:alpha|beta)\\d+", "latest", "x*", "v1\\.[0-9]+", "(?i)prod.*",
)  # fmt: skip


def ecr(random: Random) -> Made:
    kinds = ["tagged"] * random.randint(0, 4) + ["untagged"] * random.randint(0, 1)
    random.shuffle(kinds)
    kinds += ["any"] if random.random() < 0.6 or not kinds else []
    rules = [_ecr_rule(random, 3 * i + 1, kind) for i, kind in enumerate(kinds)]
    random.shuffle(rules)
    policy = {"rules": rules}
    text = json.dumps(policy)
    return (text if random.random() < 0.7 else json.dumps({"lifecyclePolicyText": text})), policy


def _ecr_rule(random: Random, priority: int, status: str) -> Any:
    selection: dict[str, Any] = {"tagStatus": status}
    if status == "tagged" and random.random() < 0.75:
        selection["tagPatternList"] = some(random, GLOBS, 3)
    elif status == "tagged":
        selection["tagPrefixList"] = [f"{some(random, PREFIXES, 1)[0]}{'' if random.random() < 0.5 else priority}"]
    if random.random() < 0.5:
        selection |= {"countType": "imageCountMoreThan", "countNumber": random.randint(1, 4)}
    else:
        selection |= {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": random.randint(1, 9)}
    return {"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}


def gar(random: Random) -> Made:
    policies = [_gar_policy(random, f"p{i}") for i in range(random.randint(1, 6))]
    if random.random() < 0.5:
        return json.dumps(policies), policies
    mapped = {
        one["name"]: {**one, "id": one["name"], "action": one["action"]["type"].upper()}
        for one in policies
    }  # fmt: skip
    for one in mapped.values():
        del one["name"]
    wrapped = {"name": "projects/p/locations/l/repositories/r", "cleanupPolicies": mapped}
    policy = wrapped if random.random() < 0.5 else mapped
    return json.dumps(policy), policy


def _gar_policy(random: Random, name: str) -> Any:
    packages = (
        {"packageNamePrefixes": some(random, ("shop/", "shop/web", "tools", "w"))} if random.random() < 0.3 else {}
    )
    if random.random() < 0.3:
        recent = {"keepCount": random.randint(1, 4), **packages}
        return {"name": name, "action": {"type": "Keep"}, "mostRecentVersions": recent}
    condition: dict[str, Any] = dict(packages)
    if random.random() < 0.5:
        condition["tagState"] = random.choice(("tagged", "untagged", "any", "TAGGED", "UNTAGGED", "ANY"))
    if random.random() < 0.4:
        condition["tagPrefixes"] = some(random, PREFIXES)
    if random.random() < 0.2:
        condition["versionNamePrefixes"] = some(random, ("sha256:a", "sha256:b0", "sha256:c"))
    if random.random() < 0.5:
        condition["olderThan"] = random.choice(("3d", "259200s", "60h", "1d", "1440m"))
    if random.random() < 0.2:
        condition["newerThan"] = random.choice(("6d", "518400s", "2d"))
    return {"name": name, "action": {"type": random.choice(("Delete", "Delete", "Keep"))}, "condition": condition}


def gitlab(random: Random) -> Made:
    policy: dict[str, Any] = {"cadence": "1d", "enabled": random.random() < 0.95}
    policy["keep_n"] = random.choice((None, None, 1, 2, 5))
    policy["older_than"] = random.choice((None, None, "1d", "30h", "7d"))
    policy["name_regex"] = random.choice((*EXPRESSIONS, *[".*"] * 12, "v.+", "", None))
    policy["name_regex_keep"] = random.choice((*[None] * 12, "", *EXPRESSIONS[1:]))
    if random.random() < 0.4:
        policy = {"id": 7, "path_with_namespace": "shop/web", "container_expiration_policy": policy}
    return json.dumps(policy), policy


def quay(random: Random) -> Made:
    policy = {"policies": [_quay_policy(random, i) for i in range(random.randint(1, 4))]}
    return json.dumps(policy), policy


def _quay_policy(random: Random, i: int) -> Any:
    policy: dict[str, Any] = {"uuid": f"0000-{i}"}
    if random.random() < 0.5:
        policy |= {"method": "number_of_tags", "value": random.randint(1, 5)}
    else:
        policy |= {
            "method": "creation_date",
            "value": random.choice(("3d", "1w", "5d", "60h", "1500m", "90000s", "1y")),
        }
    if random.random() < 0.7:
        policy["tagPattern"] = random.choice((*EXPRESSIONS, None))
        policy["tagPatternMatches"] = random.choice((True, True, False, None))
    return policy


def acr(random: Random) -> Made:
    """A command, alone or in a task, and its parts."""
    repositories = ("shop/web", "shop/.*", ".*", "web|shop/a/b", "[a-z]+/mobile", "web")
    expressions = EXPRESSIONS[:-1] if random.random() < 0.9 else EXPRESSIONS
    count = random.choice((1, 1, 2, 3)) if expressions is not EXPRESSIONS else 1
    purge: dict[str, Any] = {
        "filters": [(random.choice(repositories), random.choice(expressions)) for _ in range(count)],
        "keep": random.choice((0, 0, 1, 2, 3)),
        "untagged": random.random() < 0.4,
    }
    ago, purge["ago"] = random.choice((("3d", 3 * DAY), ("2d3h6m", 2 * DAY + 11_160), ("36h", 36 * 3600), ("0d", 0)))
    if random.random() < 0.15:
        purge |= {
            "untagged": False,
            "untagged_only": True,
            "filters": purge["filters"] if random.random() < 0.5 else [],
        }
    return _acr_text(random, purge, ago), purge


def _acr_text(random: Random, purge: Any, ago: str) -> str:
    words = ["acr", "purge"]
    for repository, tags in purge["filters"]:
        words += [random.choice(("--filter", "-f")), f"{repository}:{tags}"]
    words += ["--ago", ago] if random.random() < 0.5 else [f"--ago={ago}"]
    words += ["--keep", str(purge["keep"])] if purge["keep"] else []
    words += [f"--{flag.replace('_', '-')}" for flag in ("untagged", "untagged_only") if purge.get(flag)]
    command = shlex.join(words)
    if random.random() < 0.3:
        return "version: v1.1.0\nsteps:\n  - cmd: |-\n      " + command + "\n    timeout: 3600\n"
    return command


def harbor(random: Random) -> Made:
    policy = {
        "id": 3,
        "algorithm": "or",
        "scope": {"level": "project", "ref": 12},
        "trigger": {"kind": "Schedule", "settings": {"cron": "0 0 0 * * *"}},
        "rules": [_harbor_rule(random) for _ in range(random.randint(1, 4))],
    }
    return json.dumps(policy), policy


def _harbor_rule(random: Random) -> Any:
    template = random.choice(
        (
            "latestPushedK",
            "latestPulledN",
            "latestActiveK",
            "nDaysSinceLastPush",
            "nDaysSinceLastPull",
            "lastXDays",
            "always",
        )
    )
    selectors = [_harbor_tags(random) for _ in range(random.choice((0, 1, 1, 1, 2)))]
    scope = [
        {
            "kind": "doublestar",
            "decoration": random.choice(("repoMatches", "repoMatches", "repoExcludes")),
            "pattern": random.choice(
                ("**", "web*", "{web,mobile}", "a/**", "a/b", "shop/**", "**/b", "*", "[a-v]*", "")
            ),
        }
        for _ in range(random.choice((1, 1, 1, 2)))
    ]
    return {
        "id": random.randint(0, 9),
        "priority": 0,
        "disabled": random.random() < 0.1,
        "action": "retain",
        "template": template,
        "params": {} if template == "always" else {template: random.choice((0, 1, 2, 3, 5))},
        "tag_selectors": selectors,
        "scope_selectors": {"repository": scope},
    }


def _harbor_tags(random: Random) -> Any:
    patterns = (
        "**",
        "*",
        "",
        "{release-*,v*}",
        "prod**",
        "v?",
        "v[0-9]*",
        "[^pd]*",
        "dev-{1,4?}",
        "**/v*",
        "v{1.{1,2},42}",
    )
    selector = {
        "kind": "doublestar",
        "decoration": random.choice(("matches", "matches", "excludes")),
        "pattern": random.choice(patterns),
    }
    if random.random() < 0.6:
        selector["extras"] = json.dumps({"untagged": random.random() < 0.5})
    return selector


POLICIES: Mapping[str, Callable[[Random], Made]] = {
    "acr": acr,
    "ecr": ecr,
    "gar": gar,
    "gitlab": gitlab,
    "harbor": harbor,
    "quay": quay,
}
