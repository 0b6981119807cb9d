"""Foreign policies, translated: they decide what the vendor decides, also when written as YAML and read again."""

import json
from typing import Any

import pytest

from tests.lifecycle.foreign import acr as foreign_acr
from tests.lifecycle.foreign.inventory import DAY, NOW, Fate, Image, Tag
from tests.lifecycle.vectors import VECTORS, Vector, ecr_rule, image, tags, went
from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle import images as listed
from wharfinger.lifecycle import reading, units
from wharfinger.lifecycle.evaluate import evaluate
from wharfinger.lifecycle.importers import IMPORTERS, translate, using

AT = units.moment(NOW.isoformat())


def records(kind: str, text: str, images: list[Image]) -> list[dict[str, Any]]:
    """What ``wharf lifecycle evaluate --from`` prints."""
    return using.records(translate(kind, text), listed.parse([one.plain() for one in images]), AT)


def evaluated(kind: str, text: str, images: list[Image]) -> dict[str, Fate]:
    found = records(kind, text, images)
    return {record["id"]: Fate(record["verdict"], frozenset(record["tags_removed"])) for record in found}


def imported(kind: str, text: str, images: list[Image]) -> dict[str, Fate]:
    """By the YAML that ``wharf lifecycle import`` writes."""
    policies = reading.parse(using.text(translate(kind, text)))
    found = evaluate(policies, listed.parse([one.plain() for one in images]), AT)
    return {verdict.id: Fate(verdict.verdict, frozenset(verdict.tags_removed)) for verdict in found}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_a_translation_decides_as_the_vendor_documents(vector: Vector) -> None:
    assert went(evaluated(vector.kind, vector.text, vector.images)) == vector.goes
    assert imported(vector.kind, vector.text, vector.images) == vector.foreign()


def rules(kind: str, text: str, images: list[Image]) -> dict[str, Any]:
    return {record["id"]: record["rule"] for record in records(kind, text, images)}


def test_an_ecr_rule_is_named_by_its_priority_whether_it_expires_or_keeps() -> None:
    policy = {
        "rules": [
            ecr_rule(10, "imageCountMoreThan", 1, tags=["prod*"]),
            ecr_rule(20, "sinceImagePushed", 3, status="any"),
        ]
    }
    images = [image("new", 1, "prod-2"), image("old", 2, "prod-1"), image("dev", 9, "dev-1")]
    assert rules("ecr", json.dumps(policy), images) == {"new": 10, "old": 10, "dev": 20}


@pytest.mark.parametrize("kind", ["ecr", "harbor"])
def test_a_tag_that_is_a_word_of_our_selectors_is_a_tag_to_a_vendor(kind: str) -> None:
    selection = {"tagStatus": "tagged", "tagPatternList": ["semver"], "countType": "imageCountMoreThan"}
    ecr = {"rules": [{"rulePriority": 1, "selection": selection | {"countNumber": 9}, "action": {"type": "expire"}}]}
    selector = {"kind": "doublestar", "decoration": "matches", "pattern": "semver"}
    scope = {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": "**"}]}
    harbor = {"action": "retain", "template": "always", "tag_selectors": [selector], "scope_selectors": scope}
    policy = ecr if kind == "ecr" else {"rules": [harbor]}
    found = rules(kind, json.dumps(policy), [image("a", 1, "semver"), image("b", 1, "1.4.2")])
    assert found == {"a": 1, "b": None} if kind == "ecr" else {"a": "rules[0]", "b": "retained-by-none"}


def test_an_artifact_registry_policy_is_named_by_its_name() -> None:
    policy = {
        "old!": {"action": "DELETE", "condition": {"olderThan": "86400s"}},
        "keep": {"action": "KEEP", "condition": {"tagPrefixes": ["rel"]}},
    }
    images = [image("a", 9, "rel-1"), image("b", 9, "x"), image("c", 0.5)]
    assert rules("gar", json.dumps(policy), images) == {"a": "keep", "b": "old!", "c": None}


def test_a_harbor_rule_is_named_by_its_place() -> None:
    vector = next(one for one in VECTORS if one.name.startswith("Harbor: never"))
    assert rules("harbor", vector.text, vector.images) == {"pulled": "rules[0]", "never": "retained-by-none"}


def test_quay_policies_are_named_by_their_uuid() -> None:
    policy = {"policies": [{"uuid": "a-1", "method": "number_of_tags", "value": 1}]}
    assert rules("quay", json.dumps(policy), tags(t1=1, t2=2)) == {"t1": None, "t2": "a-1"}


def test_quay_policies_of_its_configuration_have_no_uuid_and_are_named_by_their_place() -> None:
    policy = {"policies": [{"method": "creation_date", "value": "5d"}, {"method": "number_of_tags", "value": 1}]}
    assert rules("quay", json.dumps(policy), tags(t1=1, t2=2, t9=9)) == {
        "t1": None,
        "t2": "policies[1]",
        "t9": "policies[0]",
    }


def test_a_digest_in_artifact_registry_is_whatever_name_a_version_has() -> None:
    policy = [{"name": "p", "action": {"type": "Delete"}, "condition": {"versionNamePrefixes": ["2.0", "sha256:a"]}}]
    assert rules("gar", json.dumps(policy), [image("2.0.6", 5), image("2.1", 5), image("sha256:ab", 5)]) == {
        "2.0.6": "p",
        "2.1": None,
        "sha256:ab": "p",
    }


def test_acr_rules_are_named_by_their_filter() -> None:
    command = "acr purge -f 'web:^dev' -f 'web:^test' --ago 1d --untagged"
    images = [image(name, 5, name, repository="web") for name in ("dev", "test", "prod")]
    images = [*images, image("bare", 5, repository="web")]
    images[1] = Image("test", 5 * DAY, (Tag("test", 5 * DAY), Tag("prod2", 5 * DAY)), "web")
    found = rules("acr", command, images)
    # dev lost its only tag in the first pass, and goes in the second.
    assert found == {"dev": "--untagged", "test": "web:^test", "prod": None, "bare": "--untagged"}


@pytest.mark.parametrize("kind", ["gitlab", "quay", "acr"])
def test_who_deletes_tags_answers_untag_even_when_the_last_tag_goes(kind: str) -> None:
    policy = {
        "gitlab": '{"name_regex": ".*"}',
        "quay": '{"policies": [{"uuid": "u", "method": "creation_date", "value": "1d"}]}',
        "acr": "acr purge --filter '.*:.*' --ago 1d",
    }[kind]
    (record,) = records(kind, policy, tags(v1=5))
    assert (record["verdict"], record["tags_removed"]) == ("untag", ["v1"])


def test_gitlab_and_acr_count_differently() -> None:
    """GitLab keeps the newest of what its expression matches; acr the newest of what would go."""
    images = tags(v1=1, v2=2, v8=8, v9=9)
    gitlab = {"keep_n": 1, "older_than": "7d", "name_regex": "v.*"}
    assert went(evaluated("gitlab", json.dumps(gitlab), images)) == {"v8", "v9"}
    assert went(evaluated("acr", "acr purge --filter '.*:^v' --ago 7d --keep 1", images)) == {"v9"}


def test_protected_tags_count_with_gitlab_and_with_nobody_else() -> None:
    images = [Image("v3", 2 * DAY, (Tag("v3", 2 * DAY, protected=True),)), *tags(v2=3, v1=4)]
    assert went(evaluated("gitlab", '{"keep_n": 1, "name_regex": "v.*"}', images)) == {"v2", "v1"}
    quay = {"policies": [{"uuid": "u", "method": "number_of_tags", "value": 1}]}
    assert went(evaluated("quay", json.dumps(quay), images)) == {"v1"}
    assert went(evaluated("acr", "acr purge --filter '.*:v' --ago 1d --keep 1", images)) == {"v1"}


def test_acr_retention_is_about_what_was_untagged_after_it_was_enabled() -> None:
    enabled = "2026-01-01T00:00:00Z"  # 30 days ago
    policy = {
        "properties": {"policies": {"retentionPolicy": {"status": "enabled", "days": 7, "lastUpdatedTime": enabled}}}
    }
    images = [
        image("gone", 90, untagged=10.5 * DAY),
        image("recent", 90, untagged=3 * DAY),
        image("before", 90, untagged=31 * DAY),
        image("never-tagged", 90),
        image("tagged", 90, "v1"),
    ]
    text = json.dumps(policy)
    assert evaluated("acr", text, images) == foreign_acr.retained(7, 30 * DAY, images)
    assert imported("acr", text, images) == foreign_acr.retained(7, 30 * DAY, images)
    assert went(evaluated("acr", text, images)) == {"gone"}


def test_acr_takes_a_minus_before_a_class_for_a_minus() -> None:
    images = [image("dev", 9, "dev-17"), image("odd", 8, "a]b-["), image("other", 7, "dev-x")]
    assert went(evaluated("acr", "acr purge --filter '.*:^[a-z]+-[0-9]+$' --ago 1d", images)) == {"dev-17"}
    assert went(evaluated("acr", r"acr purge --filter '.*:^[a\]]+b-[[]$' --ago 1d", images)) == {"a]b-["}


def test_acr_keeps_untagged_manifests_that_have_a_subject() -> None:
    images = [image("referrer", 9, subject="sha256:absent"), image("bare", 9)]
    assert went(evaluated("acr", "acr purge --untagged-only --ago 1d", images)) == {"bare"}


@pytest.mark.parametrize(
    ("kind", "text", "warned"),
    [
        ("gitlab", '{"keep_n": 5, "name_regex": ".*"}', "1,000 tags"),
        ("gitlab", '{"enabled": false, "name_regex": ".*"}', "enabled is false"),
        ("gitlab", '{"name_regex": " "}', "blank"),
        (
            "gar",
            '{"cleanupPolicyDryRun": true, "cleanupPolicies": {"a": {"action": "DELETE", "condition": {}}}}',
            "observe",
        ),
        ("acr", "acr purge --filter a:b --ago 1d --dry-run", "observe"),
        ("acr", '{"status": "disabled", "days": 7}', "disabled"),
        ("quay", '{"policies": []}', "there are no policies"),
        (
            "quay",
            '{"policies": [{"uuid": "u", "method": "creation_date", "value": "1d", "tagPattern": "a"}]}',
            "do not match",
        ),
    ],
)
def test_what_the_vendor_may_do_otherwise_is_said_in_the_file(kind: str, text: str, warned: str) -> None:
    comments = [line for line in using.text(translate(kind, text)).splitlines() if line.startswith("# ")]
    assert any(warned in comment for comment in comments)


def test_a_dry_run_becomes_mode_observe() -> None:
    (policy,) = using.policies(translate("acr", "acr purge --filter a:b --ago 1d --dry-run"))
    assert policy.mode == "observe"


def test_an_import_is_for_the_repositories_that_are_named() -> None:
    vector = next(one for one in VECTORS if one.kind == "ecr")
    (policy,) = reading.parse(using.text(translate("ecr", vector.text), ["shop/**"]))
    assert policy.repositories.matches("shop/web")
    assert not policy.repositories.matches("tools/web")


def test_a_policy_that_deletes_nothing_keeps_everything() -> None:
    images = tags(v1=500)
    assert went(imported("gitlab", '{"enabled": false, "name_regex": ".*"}', images)) == set()
    assert went(imported("quay", '{"policies": []}', images)) == set()


def test_a_kind_that_is_not_known_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="acr, ecr, gar, gitlab, harbor, quay"):
        translate("dockerhub", "{}")
    assert set(IMPORTERS) == {"acr", "ecr", "gar", "gitlab", "harbor", "quay"}
