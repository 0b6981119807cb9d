"""What cannot be translated exactly is refused, with the place and the reason."""

import json
from typing import Any

import pytest

from tests.lifecycle.vectors import ecr_rule
from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle.importers import translate, using


def refusal(kind: str, text: str) -> str:
    with pytest.raises(RequestInvalid) as refused:
        using.text(translate(kind, text))
    return refused.value.message


def _ecr(priority: int = 1, **selection: Any) -> str:
    rule = ecr_rule(priority, "sinceImagePushed", 5, tags=["a*"])
    rule["selection"] = {key: value for key, value in (rule["selection"] | selection).items() if value is not None}
    return json.dumps({"rules": [rule]})


_TRANSITION = {"rulePriority": 1, "action": {"type": "transition", "targetStorageClass": "archive"}}
_PULLED: dict[str, Any] = {"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 90}
_ANY = ecr_rule(1, "imageCountMoreThan", 5, status="any")
_UNTAGGED = ecr_rule(1, "imageCountMoreThan", 5, status="untagged")
_TAGGED = ecr_rule(2, "imageCountMoreThan", 5, tags=["a"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (json.dumps({"rules": [_TRANSITION | {"selection": _PULLED}]}), "transition to the archive"),
        (_ecr(storageClass="archive"), "selection.storageClass: rules for archived images"),
        (_ecr(1, tagPatternList=None, **_PULLED), "selection.countType: sinceImagePulled is not translated"),
        (_ecr(countType="sinceImageTransitioned"), "sinceImageTransitioned is not translated"),
        (_ecr(countType="imageCountMoreThan"), "countUnit: not with imageCountMoreThan"),
        (_ecr(countUnit=None), "countUnit is missing"),
        (_ecr(countUnit="hours"), "want one of days"),
        (_ecr(countNumber=0), "rules[0].selection.countNumber: 0 is out of range"),
        (_ecr(countNumber="5"), "want a whole number"),
        (_ecr(countNumber=True), "want a whole number"),
        (_ecr(priority=0), "rulePriority: 0 is out of range"),
        (_ecr(tagPrefixList=["b"]), "want one of tagPatternList and tagPrefixList"),
        (_ecr(tagStatus="untagged"), "only with 'tagged'"),
        (_ecr(tagPatternList=["a*b*c*d*e*"]), "more than 4 *"),
        (_ecr(tagPatternList=["v[0-9]"]), "no pattern of tags"),
        (_ecr(tagpatternList=["a"]), "did you mean tagPatternList?"),
        (json.dumps({"rules": [_ANY, _TAGGED]}), "must have the highest rulePriority"),
        (json.dumps({"rules": [_UNTAGGED, _UNTAGGED | {"rulePriority": 2}]}), "a second rule for untagged"),
        (json.dumps({"rules": [_UNTAGGED, _ANY]}), "a second rule of rulePriority 1"),
        ('{"rules": []}', "no rules"),
        ('{"rules": [], "rules": []}', "given twice"),
        ('{"rules": NaN}', "no number"),
        ("[" * 100_000, "not JSON"),
        ('{"lifecyclePolicyText": "{"}', "lifecyclePolicyText: not JSON"),
        ("[]", "want an object"),
    ],
)
def test_ecr(text: str, reason: str) -> None:
    assert reason in refusal("ecr", text)


def test_a_refusal_says_on_which_line() -> None:
    text = '{"rules": [\n\t{"rulePriority": 1,\n\t "selection": {"tagStatus": "tagged",\n\t\t"countNumber": "x"}}]}'
    assert refusal("ecr", text).startswith("3:16: rules[0].selection: countType is missing")


def _gar(action: Any = "DELETE", **policy: Any) -> str:
    return json.dumps({"p": {"action": action, **policy}})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (_gar(mostRecentVersions={"keepCount": 1}), "only with the action Keep"),
        (_gar("KEEP", condition={}, mostRecentVersions={"keepCount": 1}), "either condition or mostRecentVersions"),
        (_gar(), "either condition or mostRecentVersions"),
        (_gar("KEEP", mostRecentVersions={"keepCount": 0}), "out of range"),
        (_gar("PURGE", condition={}), "want one of Keep"),
        (_gar(condition={"olderThan": "1.5s"}), "p.condition.olderThan: want whole seconds"),
        (_gar(condition={"olderThan": 30}), "want a text"),
        (_gar(condition={"tagState": "some"}), "want TAGGED, UNTAGGED or ANY"),
        (_gar(condition={"age": "3d"}), "unknown key 'age'"),
        (_gar(condition={"tagPrefixes": ["a/b"]}), "cannot begin"),
        (json.dumps({"p": {"id": "q", "action": "DELETE", "condition": {}}}), "another name than its key"),
        (json.dumps([{"name": "a", "action": "DELETE", "condition": {}}] * 2), "a second policy of the name 'a'"),
        (json.dumps([{"name": f"a{i}", "action": "DELETE", "condition": {}} for i in range(11)]), "10 at most"),
        (json.dumps([{"action": "DELETE", "condition": {}}]), "want a name"),
        ('{"cleanupPolicyDryRun": true}', "cleanupPolicies is missing"),
    ],
)
def test_artifact_registry(text: str, reason: str) -> None:
    assert reason in refusal("gar", text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("acr purge --ago 7d", "--filter is missing"),
        ("acr purge --filter a:b", "--ago is missing"),
        ("acr purge --filter a:b --ago 7", "want days and a duration"),
        ("acr purge --filter a:b --ago 1.5s", "parts of a second"),
        ("acr purge --filter ab --ago 7d", "one colon"),
        ("acr purge --filter a:b:c --ago 7d", "one colon"),
        ("acr purge --filter 'a:(?=b)' --ago 7d", "not a regular expression that RE2 knows"),
        ("acr purge --filter 'a:[a-z-[aeiou]]' --ago 7d", "subtracting from a class"),
        ("acr purge --filter 'a:(?i)b' --filter a:c --ago 7d", "flags of one hold in the next"),
        ("acr purge --filter a:b --ago 7d --keep -1", "want a whole number"),
        ("acr purge --filter a:b --ago 7d --ago 8d", "--ago is given twice"),
        ("acr purge --filter a:b --ago 7d --include-locked", "what is protected never goes"),
        ("acr purge --filter a:b --ago 7d --untagged --untagged-only", "exclude each other"),
        ("acr purge --filter a:b --ago 7d --force", "unknown word '--force'"),
        ("acr purge --filter", "wants a value"),
        ("acr purge --filter 'a:b", "not a command line"),
        ("az acr task create --cmd 'acr purge'", "want the command `acr purge …` itself"),
        ("docker image prune", "no `acr purge` in it"),
        ("steps:\n  - cmd: acr purge --filter a:b\n", "2:10: cmd: --ago is missing"),
        ("steps:\n- cmd: acr purge --ago 1d -f a:b\n- cmd: acr purge --ago 1d -f a:c\n", "more than one `acr purge`"),
        ('{"status": "enabled", "days": 7}', "without the date when it was enabled"),
        ('{"status": "enabled", "days": 366, "lastUpdatedTime": "2026-01-01T00:00:00Z"}', "out of range"),
        ('{"status": "enabled", "days": 7, "lastUpdatedTime": "2026-01-01"}', "in which time zone"),
        ('{"properties": {"policies": {"retentionPolicy": {"status": "on"}}}}', "want one of enabled, disabled"),
    ],
)
def test_acr(text: str, reason: str) -> None:
    assert reason in refusal("acr", text)


def _harbor(template: str = "always", extras: str | None = None, pattern: str = "**", **rule: Any) -> str:
    selector = {"kind": "doublestar", "decoration": "matches", "pattern": pattern}
    selector |= {} if extras is None else {"extras": extras}
    scope = {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": pattern}]}
    about = {"action": "retain", "template": template, "tag_selectors": [selector], "scope_selectors": scope}
    return json.dumps({"algorithm": "or", "rules": [about | rule]})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (_harbor("latestPushedK"), "the parameter latestPushedK is missing"),
        (_harbor("latestPushedK", params={"latestPushedK": -1}), "out of range"),
        (_harbor("latestPushedK", params={"latestPulledN": 1}), "unknown key 'latestPulledN'"),
        (_harbor("latestBuiltK"), "want one of latestPushedK"),
        (_harbor(action="delete"), "want one of retain"),
        (_harbor(extras="{}"), 'does not say "untagged"'),
        (_harbor(extras='{"untagged": 1}'), "want true or false"),
        (_harbor(extras="{"), "rules[0].tag_selectors[0].extras: not JSON"),
        (_harbor(pattern="{a/**,b}"), "** in or beside braces"),
        (_harbor(pattern="{a"), "opens a brace"),
        (_harbor(pattern="a}"), "closes a brace"),
        (_harbor(pattern="[a"), "has a class that is not translated"),
        (_harbor(pattern="[z-a]"), "impossible range"),
        (_harbor(pattern="a\\"), "ends with a backslash"),
        (_harbor(pattern="{a,b}" * 10), "more than 100 alternatives"),
        (_harbor(scope_selectors={"repository": []}), "at least one selector of repositories"),
        ('{"algorithm": "and", "rules": []}', "want one of or"),
        ("{}", "rules is missing"),
    ],
)
def test_harbor(text: str, reason: str) -> None:
    assert reason in refusal("harbor", text)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"name_regex": "(?<a"}, "RE2"),
        ({"name_regex": "a)|(b"}, "name_regex: 'a)|(b' is not translated"),
        ({"name_regex": ".*", "older_than": "1month"}, "months are of different lengths"),
        ({"name_regex": ".*", "older_than": "soon"}, "want days or hours"),
        ({"name_regex": ".*", "keep_n": -1}, "out of range"),
        ({"name_regex": ".*", "keep_n": "5"}, "want a whole number"),
        ({"name_regex": ".*", "cadence": "2d"}, "want one of 1d"),
        ({"name_regex": ".*", "enabled": "yes"}, "want true or false"),
        ({"name_regex": ".*", "keepn": 5}, "did you mean keep_n?"),
        ({"name": "shop"}, "no container_expiration_policy here"),
        ({"enabled": False, "name_regex": "("}, "RE2"),
    ],
)
def test_gitlab(policy: Any, reason: str) -> None:
    assert reason in refusal("gitlab", json.dumps(policy))
    if "name" not in policy:
        assert reason in refusal("gitlab", json.dumps({"id": 1, "container_expiration_policy": policy}))


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"method": "size"}, "want one of number_of_tags"),
        ({"value": 0}, "out of range"),
        ({"value": "7d"}, "want a whole number"),
        ({"method": "creation_date", "value": 7}, "want a text"),
        ({"method": "creation_date", "value": "7M"}, "want a number and one of s m h d w y"),
        ({"method": "creation_date", "value": "0d"}, "want a number and one of"),
        ({"tagPattern": r"\mv1"}, "of escapes with a letter or digit"),
        ({"tagPattern": r"(a)\1"}, "of escapes with a letter or digit"),
        ({"tagPattern": "a(?i)b"}, "flags"),
        ({"tagPattern": "("}, "RE2"),
        ({"tagPatternMatches": "yes"}, "want true or false"),
        ({"uuid": ""}, "no uuid"),
        ({"repo": "x"}, "unknown key 'repo'"),
    ],
)
def test_quay(policy: Any, reason: str) -> None:
    whole = {"uuid": "u", "method": "number_of_tags", "value": 3} | policy
    assert reason in refusal("quay", json.dumps({"policies": [whole]}))


def test_two_quay_policies_of_one_uuid() -> None:
    policy = {"uuid": "u", "method": "number_of_tags", "value": 3}
    assert "a second policy of the uuid 'u'" in refusal("quay", json.dumps({"policies": [policy, policy]}))


@pytest.mark.parametrize("kind", ["acr", "ecr", "gar", "gitlab", "harbor", "quay"])
@pytest.mark.parametrize("text", ["", " ", "null", "7", '"x"', "{", '{"a": "\\ud800"}', "\x00", "x" * 2_000_000])
def test_what_is_no_policy_is_refused(kind: str, text: str) -> None:
    assert refusal(kind, text)
