"""Harbor's tag retention (harbor: src/pkg/retention, src/lib/selector; also Mirantis MSR 4).

In a repository that some enabled rule is about, an artifact that no rule retains is deleted, all tags with it, unless
it is immutable, which here nothing deletes either. So ours: a ``keep`` for each rule, then ``delete`` the rest of these
repositories. Harbor matches a repository's name without its project, and counts from the newest push of an artifact or
any of its tags.
"""

from wharfinger.lifecycle.importers import doublestar
from wharfinger.lifecycle.importers.document import Node, read
from wharfinger.lifecycle.importers.translation import Group, Made, Translation

REST = "retained-by-none"
"""What the records call what no rule retains: Harbor has no name for it."""
_COUNTS = {"latestPushedK": "arrived", "latestPulledN": "pulled", "latestActiveK": "active"}
_DAYS = ("nDaysSinceLastPush", "nDaysSinceLastPull", "lastXDays")
_ABOUT = ("id", "priority", "disabled", "action", "template", "params", "tag_selectors", "scope_selectors")
NO_SELECTORS = "has no tag_selectors: Harbor takes no notice of it, and it is left out"
SCOPE = "Harbor's policy is one project's: say which with --repositories 'project/**', or it is for all"


def translate(text: str) -> Translation:
    """From the retention object. Raises RequestInvalid."""
    fields = read(text).fields("id", "algorithm", "scope", "trigger", "rules", required=("rules",))
    if "algorithm" in fields:
        fields["algorithm"].word("or")
    made: list[Made] = []
    scopes: list[object] = []
    warnings = [SCOPE]
    for i, node in enumerate(fields["rules"].items()):
        rule = _Rule(node, i)
        if rule.selectors and not rule.disabled:
            scopes.append(rule.repositories)
            made += rule.made()
        elif not rule.disabled:
            warnings.append(f"{rule.name} {NO_SELECTORS}")
    return Translation("harbor", (*made, *_rest(scopes)), tuple(warnings))


def _rest(scopes: list[object]) -> list[Made]:
    if not scopes:
        return []
    unique = [scope for i, scope in enumerate(scopes) if scope not in scopes[:i]]
    about: Group = {} if "**" in unique else {"repositories": unique[0] if len(unique) == 1 else {"any": unique}}
    return [Made(REST, "delete", about, REST)]


class _Rule:
    """One rule, read."""

    def __init__(self, node: Node, number: int) -> None:
        fields = node.fields(*_ABOUT, required=("action", "template", "scope_selectors"))
        self.name = f"rules[{number}]"
        self._ours = f"rule-{number + 1}"
        self.disabled = "disabled" in fields and fields["disabled"].flag()
        fields["action"].word("retain")
        self.selectors = [_tags(item) for item in fields["tag_selectors"].items()] if "tag_selectors" in fields else []
        self.repositories = _repositories(fields["scope_selectors"])
        self._times = _times(fields["template"], fields.get("params"))

    def made(self) -> list[Made]:
        """One rule of ours; none where nothing can be retained."""
        if self._times is None:
            return []
        about: Group = {} if self.repositories == "**" else {"repositories": self.repositories}
        # In groups of their own: times then are those of all tags, not only of the tags that the selectors name.
        groups = [group for group in self.selectors if group]
        return [Made(self._ours, "keep", {**about, **({"all": groups} if groups else {}), **self._times}, self.name)]


def _times(template: Node, params: Node | None) -> Group | None:
    kind = template.word(*_COUNTS, *_DAYS, "always")
    fields = params.fields(kind) if params else {}
    if kind == "always":
        return {}
    if kind not in fields:
        (params or template).refuse(f"the parameter {kind} is missing")
    number = fields[kind].number(at_least=0)
    if number == 0:
        return None
    if kind in _COUNTS:
        return {"newest": number, "by": _COUNTS[kind]}
    if kind == "nDaysSinceLastPull":
        return {"pulled_within": f"{number}d"}
    return {"any": [{"pushed_within": f"{number}d"}, {"tagged_within": f"{number}d"}]}


def _tags(node: Node) -> Group:
    """What one selector of tags lets through; ``excludes`` lets through what has some tag that does not match."""
    fields = node.fields("kind", "decoration", "pattern", "extras", required=("decoration", "pattern"))
    _check_kind(fields)
    excludes = fields["decoration"].word("matches", "excludes") == "excludes"
    tags = fields["pattern"].made(doublestar.tags)
    untagged = _untagged(fields.get("extras"), unless_said=not excludes) != excludes
    if excludes:
        if tags == "*":
            return {"untagged": True} if untagged else {"tags": "*", "untagged": True}
        tags = {"not": tags}
    if untagged:
        return {} if tags == "*" else {"any": [{"tags": tags}, {"untagged": True}]}
    return {"tags": tags}


def _untagged(node: Node | None, *, unless_said: bool) -> bool:
    if node is None or node.value == "":
        return unless_said
    fields = read(node.text(), node.path).fields("untagged")
    if "untagged" not in fields:
        node.refuse('does not say "untagged": what Harbor then does is not settled, say true or false')
    return fields["untagged"].flag()


def _repositories(node: Node) -> object:
    items = node.fields("repository", required=("repository",))["repository"].items()
    if not items:
        node.refuse("want at least one selector of repositories")
    found = [_repository(item) for item in items]
    return found[0] if len(found) == 1 else {"all": found}


def _repository(node: Node) -> object:
    fields = node.fields("kind", "decoration", "pattern", "extras", required=("decoration", "pattern"))
    _check_kind(fields)
    pattern = fields["pattern"].made(doublestar.repositories)
    excludes = fields["decoration"].word("repoMatches", "repoExcludes") == "repoExcludes"
    return {"not": pattern} if excludes else pattern


def _check_kind(fields: dict[str, Node]) -> None:
    if "kind" in fields:
        fields["kind"].word("doublestar")
