"""What ``policy.yaml`` says beside ``access``, of whatever part of the registry: stored, compared, exported."""

import json

import jsonschema
import yaml

from tests.api.caller import Caller
from tests.conftest import Registry
from wharfinger.cli import policy_sections as offline
from wharfinger.meta import audit, policy_sections
from wharfinger.meta.audit import Filter

LIFECYCLE = """lifecycle:
- name: default
  repositories:
  - '**'
  rules:
  - keep:
      tags: prod-*
      newest: 10
      labels:
        newest: '7'
  - delete:
      untagged_for: 7d
  - delete: {}
- name: looking
  repositories: shop/**
  mode: observe
  rules:
  - untag:
      tags: dev-*
    name: no-dev
"""
TAGS = """tags:
- name: fixed
  repositories: '**'
  immutable: true
"""
WHOLE = f"version: 1\n{TAGS}{LIFECYCLE}"


async def test_a_new_registry_has_no_rules_and_no_lifecycle(registry: Registry, api: Caller) -> None:
    exported = (await api("GET", "/policy"))["policy"]
    assert "tags:" not in exported
    assert "lifecycle:" not in exported
    assert await registry.services.db.read(policy_sections.every) == {}


async def test_all_sections_go_in_and_come_out_together(registry: Registry, api: Caller) -> None:
    plan = await api("POST", "/policy/plan", {"policy": WHOLE})
    kept = "keep {tags: prod-*, newest: 10, labels: {newest: 7}}"
    assert [(change["kind"], change["text"]) for change in plan["changes"]] == [
        ("add", "tag rule fixed in **: immutable"),
        ("add", f"lifecycle policy default for **: {kept}; delete {{untagged_for: 7d}}; delete {{}}"),
        ("add", "observing lifecycle policy looking for shop/**: no-dev: untag {tags: dev-*}"),
    ]
    await api("POST", "/policy/apply", {"policy": WHOLE, "hash": plan["hash"]})
    exported = (await api("GET", "/policy"))["policy"]
    jsonschema.validate(yaml.safe_load(exported) | {"access": {}}, offline.schema())
    again = await api("POST", "/policy/plan", {"policy": exported, "prune": True})
    assert (again["changes"], again["problems"]) == ([], [])
    assert exported.endswith(TAGS + LIFECYCLE)
    stored = await registry.services.db.read(policy_sections.every)
    assert {word: [each["name"] for each in json.loads(body)] for word, body in stored.items()} == {
        "tags": ["fixed"],
        "lifecycle": ["default", "looking"],
    }


async def test_a_change_is_audited_with_before_and_after(registry: Registry, api: Caller) -> None:
    await api("POST", "/policy/apply", {"policy": WHOLE})
    changed = WHOLE.replace("mode: observe", "mode: active").replace("immutable", "undeletable")
    await api("POST", "/policy/apply", {"policy": changed})
    for action, key, before, after in (
        ("lifecycle_policy.change", "mode", "observe", "active"),
        ("tag_rule.change", "immutable", True, None),
    ):
        (record,) = await registry.services.db.read(audit.page, Filter(action=action), None, 10)
        detail = json.loads(record.detail)
        assert (detail["before"].get(key), detail["after"].get(key)) == (before, after)
    await api("POST", "/policy/apply", {"policy": "version: 1\nlifecycle: []\n", "prune": True})
    removed = await registry.services.db.read(audit.page, Filter(action="lifecycle_policy.remove"), None, 10)
    assert [json.loads(record.detail)["after"] for record in removed] == [None, None]
    assert json.loads((await registry.services.db.read(policy_sections.every))["lifecycle"]) == []


async def test_one_wrong_section_leaves_all_as_they_were(registry: Registry, api: Caller) -> None:
    wrong = WHOLE.replace("untagged_for: 7d", "untaged_for: 7d")
    said = await api("POST", "/policy/apply", {"policy": wrong}, status=400)
    assert "lifecycle[0].rules[1].delete" in said["errors"][0]["message"]
    assert await registry.services.db.read(policy_sections.every) == {}


async def test_an_auditor_plans_and_only_an_administrator_applies(registry: Registry) -> None:
    auditor = Caller(registry.as_("auditor"))
    assert len((await auditor("POST", "/policy/plan", {"policy": WHOLE}))["changes"]) == 3
    await auditor.refusal("POST", "/policy/apply", {"policy": WHOLE}, status=403)
    await Caller(registry.as_("maintainer")).refusal("POST", "/policy/apply", {"policy": WHOLE}, status=403)
