"""Quay's auto-prune policies (quay: data/model/autoprune.py, data/model/oci/tag.py, endpoints/api/policy.py).

What goes are tags. All policies by age come first, then all by number, on what is left, each in the order given.
Neither immutable tags nor those of signatures (``sha256-….sig``, ``.att``, ``.sbom``) are removed or counted.
"""

import re

from wharfinger.lifecycle.importers import regexes
from wharfinger.lifecycle.importers.document import Node, read
from wharfinger.lifecycle.importers.translation import Group, Made, Translation, duration, named

HIDDEN = r"sha256-[0-9a-f]+\.(?:sig|att|sbom)"
UUID_AT_MOST = 128
_AGE = re.compile(r"([0-9]{1,9})([smhdwy])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
"""m are minutes here, and a year has 365 days."""
DIALECT = (
    "Quay runs tagPattern in its database, whose dialect and whose care for upper and lower case depend on which it is"
)
NONE = "there are no policies: Quay prunes nothing, and so does the translation"
INVERTS = "tagPattern without tagPatternMatches: Quay then prunes the tags that do not match, and so does this"


def translate(text: str) -> Translation:
    """From ``{"policies": […]}``, an organisation's policies before a repository's. Raises RequestInvalid."""
    items = read(text).fields("policies", required=("policies",))["policies"].items()
    policies = [_policy(i, node) for i, node in enumerate(items)]
    uuids = [made.origin for made, _, _ in policies]
    for i, uuid in enumerate(uuids):
        if uuid in uuids[:i]:
            policies[i][1].refuse(f"a second policy of the uuid {uuid!r}")
    in_order = sorted(policies, key=lambda one: "not" in one[0].group)  # those by number
    warnings = dict.fromkeys(warning for _, _, warnings in policies for warning in warnings)
    return Translation("quay", tuple(made for made, _, _ in in_order), tuple(warnings) if policies else (NONE,))


def _policy(number: int, node: Node) -> tuple[Made, Node, list[str]]:
    known = ("uuid", "method", "value", "tagPattern", "tagPatternMatches")
    fields = node.fields(*known, required=("method", "value"))
    # A policy of Quay's own configuration, DEFAULT_NAMESPACE_AUTOPRUNE_POLICY, has none.
    uuid = fields["uuid"].text() if "uuid" in fields else f"policies[{number}]"
    if not 0 < len(uuid) <= UUID_AT_MOST:
        fields["uuid"].refuse(f"{fields['uuid'].shown} is no uuid")
    tags, warnings = _tags(fields)
    if fields["method"].word("number_of_tags", "creation_date") == "creation_date":
        group: Group = {"tags": tags, "protected": False, "tagged_before": _age(fields["value"])}
    else:
        pool: Group = {"tags": tags, "protected": False}
        group = {**pool, "not": {**pool, "newest": fields["value"].number(at_least=1)}}
    return Made(named(uuid, number + 1), "untag", group, uuid), node, warnings


def _tags(fields: dict[str, Node]) -> tuple[object, list[str]]:
    """What the policy is about: tags that are not hidden, and of the pattern, or not of it."""
    matches = fields["tagPatternMatches"].flag() if "tagPatternMatches" in fields else False
    hidden = {"not": {"regex": HIDDEN}}
    if "tagPattern" not in fields or not fields["tagPattern"].text():
        return hidden, []
    warnings = [DIALECT] if "tagPatternMatches" in fields else [DIALECT, INVERTS]
    pattern = fields["tagPattern"].made(lambda text: regexes.found(regexes.sql(text)))
    return {"all": [hidden, pattern if matches else {"not": pattern}]}, warnings


def _age(node: Node) -> str:
    found = _AGE.fullmatch(node.text())
    if not found or not int(found[1]):
        node.refuse(f'want a number and one of s m h d w y, such as "7d", not {node.shown}')
    return duration(int(found[1]) * _SECONDS[found[2]])
