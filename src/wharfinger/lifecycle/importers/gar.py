"""Google Artifact Registry's cleanup policies (cloud.google.com, artifact-registry: cleanup-policy, -overview).

A version goes when a DELETE matches it and no KEEP does, whatever their order; KEEPs alone delete nothing. So ours: the
KEEPs first, then the DELETEs. A package is a repository here, and a version an image.
"""

import re
from collections.abc import Iterator

from wharfinger.lifecycle.importers.document import Node, read
from wharfinger.lifecycle.importers.translation import Group, Made, Translation, duration, named

POLICIES_AT_MOST = 10
UNSETTLED = (
    "Google does not say whether the age of a version counts from its upload or from its last change: here it counts "
    "from the push. Children of an index that stays always stay"
)
NAME_AT_MOST = 128
_LETTERS = {
    "tagPrefixes": re.compile(r"[0-9A-Za-z._-]{1,128}"),
    "versionNamePrefixes": re.compile(r"[0-9a-z:+._-]{1,128}"),
    "packageNamePrefixes": re.compile(r"[0-9a-z._/-]{1,255}"),
}
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def translate(text: str) -> Translation:
    """From gcloud's list, the API's map, or a repository of the API with its map in it. Raises RequestInvalid."""
    node = read(text)
    policies, observed = _policies(node)
    if len(policies) > POLICIES_AT_MOST:
        node.refuse(f"{len(policies)} policies: Artifact Registry has {POLICIES_AT_MOST} at most")
    made = [_policy(i + 1, *policy) for i, policy in enumerate(policies)]
    names = [one.origin for one in made]
    for i, name in enumerate(names):
        if name in names[:i]:
            policies[i][1].refuse(f"a second policy of the name {name!r}")
    ordered = sorted(made, key=lambda one: one.verb != "keep")
    warnings = [UNSETTLED]
    if observed:
        warnings.append("cleanupPolicyDryRun is true: translated with mode: observe, which deletes nothing either")
    return Translation("gar", tuple(ordered), tuple(warnings), observed)


def _policies(node: Node) -> tuple[list[tuple[str, Node]], bool]:
    if not node.is_mapping:
        return [(_listed_name(item), item) for item in node.items()], False
    observed = False
    if node.has("cleanupPolicies") or node.has("cleanupPolicyDryRun"):
        found = node.some("cleanupPolicies", "cleanupPolicyDryRun")
        observed = "cleanupPolicyDryRun" in found and found["cleanupPolicyDryRun"].flag()
        if "cleanupPolicies" not in found:
            node.refuse("cleanupPolicies is missing")
        node = found["cleanupPolicies"]
    return [(_mapped_name(key, item), item) for key, item in node.pairs()], observed


def _listed_name(node: Node) -> str:
    named = node.some("name", "id")
    if len(named) != 1:
        node.refuse("want a name")
    return next(iter(named.values())).text()


def _mapped_name(key: str, node: Node) -> str:
    for name in node.some("id", "name").values():
        if name.text() != key:
            name.refuse(f"another name than its key {key!r}")
    return key


def _policy(number: int, name: str, node: Node) -> Made:
    fields = node.fields("name", "id", "action", "condition", "mostRecentVersions", required=("action",))
    if not 0 < len(name) <= NAME_AT_MOST:
        node.refuse(f"{name[:80]!r} is no name of a policy")
    action = _action(fields["action"])
    if ("condition" in fields) == ("mostRecentVersions" in fields):
        node.refuse("want either condition or mostRecentVersions")
    if "condition" in fields:
        group = _condition(fields["condition"])
    elif action == "keep":
        group = _most_recent(fields["mostRecentVersions"])
    else:
        fields["mostRecentVersions"].refuse("only with the action Keep")
    return Made(named(name, number), "keep" if action == "keep" else "delete", group, name)


def _action(node: Node) -> str:
    if node.is_mapping:
        node = node.fields("type", required=("type",))["type"]
    return node.word("Keep", "Delete", "KEEP", "DELETE", "keep", "delete").lower()


def _condition(node: Node) -> Group:
    fields = node.fields("tagState", *_LETTERS, "olderThan", "newerThan")
    group: Group = {}
    if "tagState" in fields:
        group |= _tag_state(fields["tagState"])
    if "tagPrefixes" in fields:
        group |= dict(_prefixes("tags", fields["tagPrefixes"], "tagPrefixes", "*"))
    if "versionNamePrefixes" in fields:
        group |= dict(_prefixes("digest", fields["versionNamePrefixes"], "versionNamePrefixes", "*"))
    group |= _packages(fields)
    if "olderThan" in fields:
        group["pushed_before"] = _age(fields["olderThan"])
    if "newerThan" in fields:
        group["pushed_within"] = _age(fields["newerThan"])
    return group


def _most_recent(node: Node) -> Group:
    fields = node.fields("packageNamePrefixes", "keepCount", required=("keepCount",))
    return {**_packages(fields), "newest": fields["keepCount"].number(at_least=1), "by": "pushed"}


def _tag_state(node: Node) -> Group:
    state = node.text().lower()
    if state not in {"any", "tag_state_unspecified", "tagged", "untagged"}:
        node.refuse(f"want TAGGED, UNTAGGED or ANY, not {node.shown}")
    return {"untagged": state == "untagged"} if state.endswith("tagged") else {}


def _packages(fields: dict[str, Node]) -> Group:
    if "packageNamePrefixes" not in fields:
        return {}
    return dict(_prefixes("repositories", fields["packageNamePrefixes"], "packageNamePrefixes", "**"))


def _prefixes(word: str, node: Node, kind: str, rest: str) -> Iterator[tuple[str, object]]:
    """Any of the prefixes; an empty list is no condition, as in the API, which leaves empty lists out."""
    items = node.items()
    for item in items:
        if not _LETTERS[kind].fullmatch(item.text()):
            item.refuse(f"{item.shown} cannot begin what it is to begin")
    if items:
        yield word, [f"{item.value}{rest}" for item in items]


def _age(node: Node) -> str:
    found = _DURATION.fullmatch(node.text())
    if not found:
        node.refuse(f'want whole seconds such as "2592000s", or a duration such as "30d", not {node.shown}')
    return duration(int(found[1]) * _SECONDS[found[2]])
