"""Amazon ECR's lifecycle policies (docs.aws.amazon.com, AmazonECR: LifecyclePolicies, lifecycle_policy_parameters).

Rules by rising priority; each rule claims what its tags select, and expires of it what is beyond its count or age. What
is claimed no later rule expires, yet its counts include it. That is our first match, with two of our rules for one:
``keep`` the N newest, then ``delete`` what its tags select; or ``delete`` the old, then ``keep`` what its tags select.
"""

import re
from collections.abc import Iterator

from wharfinger.lifecycle.importers.document import Node, read
from wharfinger.lifecycle.importers.translation import Group, Made, Translation
from wharfinger.select import WORDS

WILDCARDS_AT_MOST = 4
_PATTERN = re.compile(r"[0-9A-Za-z._*-]{1,128}")
_PREFIX = re.compile(r"[0-9A-Za-z._-]{1,128}")
_LISTS = ("tagPatternList", "tagPrefixList")
_COUNTS = ("imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")


def translate(text: str) -> Translation:
    """From the policy's text, also as GetLifecyclePolicy wraps it in ``lifecyclePolicyText``. Raises RequestInvalid."""
    rules = [_rule(node) for node in _policy(read(text)).fields("rules", required=("rules",))["rules"].items()]
    if not rules:
        read(text).refuse("no rules")
    rules.sort(key=lambda rule: rule.priority)
    _refuse_contradictions(rules)
    return Translation("ecr", tuple(made for rule in rules for made in rule.made()))


def _policy(node: Node) -> Node:
    if not node.has("lifecyclePolicyText"):
        return node
    about = ("registryId", "repositoryName", "lifecyclePolicyText", "lastEvaluatedAt", "ResponseMetadata")
    inner = node.fields(*about)["lifecyclePolicyText"]
    return read(inner.text(), inner.path) if isinstance(inner.value, str) else inner


class _Rule:
    """One rule, read."""

    def __init__(self, node: Node, priority: int, selection: dict[str, Node]) -> None:
        self.node = node
        self.priority = priority
        self.status = selection["tagStatus"].word("tagged", "untagged", "any")
        self._tags = self._patterns(selection)
        self._counted = selection["countType"].value == "imageCountMoreThan"
        self._number = selection["countNumber"].number(at_least=1)

    def _patterns(self, selection: dict[str, Node]) -> list[str]:
        given = [selection[key] for key in _LISTS if key in selection]
        if self.status != "tagged":
            if given:
                given[0].refuse(f"not with tagStatus {self.status!r}, only with 'tagged'")
            return []
        if len(given) != 1 or not given[0].items():
            self.node.refuse(
                "with tagStatus 'tagged' want one of tagPatternList and tagPrefixList, and something in it"
            )
        if "tagPatternList" in selection:
            return list(dict.fromkeys(_pattern(item) for item in given[0].items()))
        return [f"{prefix}*" for prefix in dict.fromkeys(_prefix(item) for item in given[0].items())]

    @property
    def _selected(self) -> Group:
        """What the rule claims. Every pattern must be matched by some tag: they are joined by *and*."""
        if self.status == "untagged":
            return {"untagged": True}
        patterns = [{"tags": {"glob": tag} if tag in WORDS else tag} for tag in self._tags]
        if len(patterns) == 1:
            return dict(patterns[0])
        return {"all": patterns} if patterns else {}

    def made(self) -> Iterator[Made]:
        """Our two rules for this one."""
        claims = self._selected
        if self._counted:
            yield self._one("keep", {**claims, "newest": self._number, "by": "pushed"})
            yield self._one("delete", claims)
        else:
            yield self._one("delete", {**claims, "pushed_before": f"{self._number}d"})
            yield self._one("keep", claims)

    def _one(self, verb: str, group: Group) -> Made:
        action = "expire" if verb == "delete" else "keep"
        return Made(f"{self.priority}-{action}", "delete" if verb == "delete" else "keep", group, self.priority)


def _rule(node: Node) -> _Rule:
    fields = node.fields("rulePriority", "description", "selection", "action", required=("rulePriority", "selection"))
    if "description" in fields:
        fields["description"].text()
    selection = fields["selection"].fields(
        "tagStatus",
        *_LISTS,
        "storageClass",
        "countType",
        "countUnit",
        "countNumber",
        required=("tagStatus", "countType", "countNumber"),
    )
    _action(fields.get("action", node))
    _refuse_archive(selection)
    _unit(fields["selection"], selection)
    return _Rule(node, fields["rulePriority"].number(at_least=1), selection)


def _action(node: Node) -> None:
    if not node.has("type"):
        node.refuse('action is missing: want {"type": "expire"}')
    action = node.some("type")["type"]
    if action.word("expire", "transition") == "transition":
        action.refuse("transition to the archive is not translated: there is no archive here, images stay or go")
    node.fields("type")


def _refuse_archive(selection: dict[str, Node]) -> None:
    storage = selection.get("storageClass")
    if storage and storage.word("standard", "archive") == "archive":
        storage.refuse("rules for archived images are not translated: there is no archive here")
    kind = selection["countType"]
    if kind.word(*_COUNTS) in {"sinceImagePulled", "sinceImageTransitioned"}:
        kind.refuse(f"{kind.value} is not translated: ECR has it only for moving images to and from its archive")


def _unit(node: Node, selection: dict[str, Node]) -> None:
    counted = selection["countType"].value == "imageCountMoreThan"
    if counted and "countUnit" in selection:
        selection["countUnit"].refuse("not with imageCountMoreThan")
    if not counted and "countUnit" not in selection:
        node.refuse("countUnit is missing: want 'days'")
    if not counted:
        selection["countUnit"].word("days")


def _pattern(node: Node) -> str:
    pattern = node.text()
    if not _PATTERN.fullmatch(pattern):
        node.refuse(f"{node.shown} is no pattern of tags: want their letters and *")
    if pattern.count("*") > WILDCARDS_AT_MOST:
        node.refuse(f"{node.shown} has more than {WILDCARDS_AT_MOST} *")
    # Two in a row mean what one means; in a glob of ours they would be something else.
    return re.sub(r"\*+", "*", pattern)


def _prefix(node: Node) -> str:
    if not _PREFIX.fullmatch(node.text()):
        node.refuse(f"{node.shown} is no begin of a tag")
    return node.text()


def _refuse_contradictions(rules: list[_Rule]) -> None:
    seen_untagged = False
    priorities: set[int] = set()
    for rule in rules:
        if rule.priority in priorities:
            rule.node.refuse(f"a second rule of rulePriority {rule.priority}")
        if rule.status == "untagged" and seen_untagged:
            rule.node.refuse("a second rule for untagged images: ECR has one at most")
        if rule.status == "any" and rule is not rules[-1]:
            rule.node.refuse("a rule for 'any' must have the highest rulePriority")
        seen_untagged |= rule.status == "untagged"
        priorities.add(rule.priority)
