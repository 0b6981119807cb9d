r"""GitLab's container expiration policy.

What goes are tags, found by taking away in turn: ``latest``; what ``name_regex`` does not match or ``name_regex_keep``
does; the newest ``keep_n``; what is not older than ``older_than``; what is protected, which has used up places before.
Regular expressions stand in ``\A…\z`` without a group and are searched.

Sources: gitlabhq, app/services/projects/container_repository/cleanup_tags_base_service,
app/models/container_expiration_policy, lib/gitlab/untrusted_regexp, doc/…/reduce_container_registry_storage.
"""

import re

from wharfinger.lifecycle.importers import regexes
from wharfinger.lifecycle.importers.document import Node, read
from wharfinger.lifecycle.importers.translation import Group, Made, Translation, duration

NAME = "container_expiration_policy"
_WRAPPERS = (NAME, f"{NAME}_attributes")
_SCHEDULE = ("cadence", "next_run_at")
_CADENCES = ("1d", "7d", "14d", "1month", "3month")
_KNOWN = ("enabled", *_SCHEDULE, "keep_n", "older_than", "name_regex", "name_regex_delete", "name_regex_keep")
_AGE = re.compile(r"([0-9]{1,6})([hd])")
_SECONDS = {"h": 3_600, "d": 86_400}
PAGES = (
    "keep_n counts per repository here. GitLab itself counts per page of 1,000 tags, so that of a larger repository it "
    "keeps up to keep_n tags of each page"
)
DISABLED = "enabled is false: GitLab deletes nothing, and so does the translation"
BLANK = "name_regex is blank: GitLab deletes nothing, and so does the translation"


def translate(text: str) -> Translation:
    """From the policy alone or inside the project. Raises RequestInvalid."""
    fields = _policy(read(text)).fields(*_KNOWN)
    _check_schedule(fields)
    group, warnings = _group(fields)
    if "enabled" in fields and not fields["enabled"].flag():
        return Translation("gitlab", (), (DISABLED,))
    if group is None:
        return Translation("gitlab", (), (BLANK,))
    return Translation("gitlab", (Made(NAME, "untag", group, NAME),), tuple(warnings))


def _policy(node: Node) -> Node:
    for wrapper in _WRAPPERS:
        if node.is_mapping and node.has(wrapper):
            return node.some(wrapper)[wrapper]
    if not any(node.some(*_KNOWN)):
        node.refuse(f"no {NAME} here, and none of its keys: {', '.join(_KNOWN)}")
    return node


def _check_schedule(fields: dict[str, Node]) -> None:
    if "cadence" in fields:
        fields["cadence"].word(*_CADENCES)
    if "next_run_at" in fields:
        fields["next_run_at"].text()


def _group(fields: dict[str, Node]) -> tuple[Group | None, list[str]]:
    """Which tags go, if any; whatever is wrong is refused also where nothing goes."""
    deleted, kept = _expression(fields, "name_regex_delete", "name_regex"), _expression(fields, "name_regex_keep")
    number = fields["keep_n"].number(at_least=0) if "keep_n" in fields else 0
    age: Group = {"tagged_before": _age(fields["older_than"])} if "older_than" in fields else {}
    if deleted is None:
        return None, []
    tags: list[object] = [{"not": "latest"}, deleted]
    pool: Group = {"tags": {"all": tags if kept is None else [*tags, {"not": kept}]}}
    newest: Group = {"not": {**pool, "newest": number}} if number else {}
    return {**pool, "protected": False, **age, **newest}, [PAGES] if number else []


def _expression(fields: dict[str, Node], *names: str) -> Group | None:
    """Of the first of these that is not blank."""
    for name in names:
        if name in fields and fields[name].text().strip():
            return fields[name].made(lambda text: regexes.between(text, r"\A", r"\z"))
    return None


def _age(node: Node) -> str:
    if node.text().endswith("month"):
        node.refuse(f"{node.shown} is not translated: months are of different lengths; want days, such as 30d")
    found = _AGE.fullmatch(node.text())
    if not found or not int(found[1]):
        node.refuse(f"want days or hours such as 30d, not {node.shown}")
    return duration(int(found[1]) * _SECONDS[found[2]])
