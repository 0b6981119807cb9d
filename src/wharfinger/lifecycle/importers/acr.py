"""Azure Container Registry: ``acr purge``, and the retention policy for untagged manifests.

``acr purge`` takes tags: found by any filter of the repository, older than ``--ago``, not locked; of these, and only of
these, the newest ``--keep`` are spared. With ``--untagged`` it then deletes what has no tag, the newest ``--keep``
spared again. Locked tags are neither removed nor counted.

Sources: acr-cli, cmd/acr/purge.go and cmd/repository/image_functions.go; container-registry-retention-policy.
"""

from datetime import datetime

from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle.importers import acr_command, regexes
from wharfinger.lifecycle.importers.acr_command import Filter, Purge
from wharfinger.lifecycle.importers.document import Node, read
from wharfinger.lifecycle.importers.translation import Group, Made, Translation, duration

RETENTION = "retentionPolicy"
UNTAGGED = "--untagged"
DISABLED = "status is disabled: Azure deletes nothing, and so does the translation"
DRY_RUN = "--dry-run: translated with mode: observe, which deletes nothing either"
UPDATED = "lastUpdatedTime is taken for the date when the policy was enabled: Azure tells no other"


def translate(text: str) -> Translation:
    """From the command, a task with it, or the registry's retention policy as Azure shows it. Raises RequestInvalid."""
    if text.lstrip().startswith("{") and '"cmd"' not in text:
        return _retention(read(text))
    purge = acr_command.read(text)
    tags = [] if purge.untagged_only else _tags(purge)
    manifests = _manifests(purge) if purge.untagged or purge.untagged_only else []
    return Translation("acr", (*tags, *manifests), (DRY_RUN,) if purge.dry_run else (), purge.dry_run)


def _tags(purge: Purge) -> list[Made]:
    """A rule for each filter. All spare the newest of the same pool, which the filters have in common."""
    if len(purge.filters) > 1 and any(regexes.leaks(one.tags) for one in purge.filters):
        raise RequestInvalid("not translated: acr joins filters with a bar, so that flags of one hold in the next")
    found = [_found(one) for one in purge.filters]
    limits = _limits(purge)
    pool: Group = {**(found[0] if len(found) == 1 else {"any": found}), **limits}
    spared: Group = {"not": {**pool, "newest": purge.keep}} if purge.keep else {}
    return [
        Made(f"filter-{i + 1}", "untag", {**group, **limits, **spared}, one.text)
        for i, (one, group) in enumerate(zip(purge.filters, found, strict=True))
    ]


def _found(one: Filter) -> Group:
    return {"repositories": _repositories(one), "tags": regexes.found(regexes.dot_net(one.tags))}


def _repositories(one: Filter) -> Group:
    return regexes.between(regexes.dot_net(one.repositories), "^", "$")


def _limits(purge: Purge) -> Group:
    return {"tagged_before": duration(purge.ago or 0), "protected": False}


def _manifests(purge: Purge) -> list[Made]:
    """The second pass: what has no tag, or has none any more."""
    about: Group = {"untagged": True, "has_subject": False}
    if purge.filters:
        repositories = [_repositories(one) for one in purge.filters]
        about = {"repositories": repositories[0] if len(repositories) == 1 else {"any": repositories}, **about}
    if purge.ago is not None:
        about["pushed_before"] = duration(purge.ago)
    spared = {**about, "newest": purge.keep, "by": "pushed"}
    kept = [Made("untagged-keep", "keep", spared, UNTAGGED)] if purge.keep else []
    return [*kept, Made("untagged", "delete", about, UNTAGGED)]


def _retention(node: Node) -> Translation:
    for key in ("properties", "policies", RETENTION):
        node = node.some(key).get(key, node)
    fields = node.fields("status", "days", "lastUpdatedTime", "type", required=("status",))
    days = fields["days"].number(0, 365) if "days" in fields else 7
    if fields["status"].word("enabled", "disabled") == "disabled":
        return Translation("acr", (), (DISABLED,))
    if "lastUpdatedTime" not in fields:
        node.refuse(
            "not translated without the date when it was enabled, lastUpdatedTime: it is only about manifests "
            "that lost their last tag after that"
        )
    since = _moment(fields["lastUpdatedTime"])
    group: Group = {"untagged_for": f"{days}d", "untagged_after": since}
    return Translation("acr", (Made(RETENTION, "delete", group, RETENTION),), (UPDATED,))


def _moment(node: Node) -> str:
    try:
        found = datetime.fromisoformat(node.text())
    except ValueError:
        node.refuse(f"want a time such as 2026-01-31T00:00:00Z, not {node.shown}")
    if found.tzinfo is None:
        node.refuse(f"{node.shown} does not say in which time zone")
    return found.isoformat()
