"""Tag rules as code: read with their places, planned with what they do, applied, exported as they were written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.caller import Caller
from tests.conftest import Registry
from tests.kit.images import image
from tests.tagging.kit import push, rules
from wharfinger.access import policy_file, policy_sections, policy_text
from wharfinger.access.policy_file import Access, Policy
from wharfinger.cli import policy_sections as offline
from wharfinger.errors import RequestInvalid
from wharfinger.meta import audit
from wharfinger.meta.audit import Filter
from wharfinger.tagging import parsing, section

WHOLE = """version: 1
tags:
- name: releases
  repositories: shop/**
  tags: semver
  except:
  - floating
  - dev-*
  immutable: true
  undeletable:
    until: '2027-01-31'
- name: forms
  repositories:
  - '**'
  form:
  - semver
  - regex: release-[a-z]+
  example: release-x
- name: production
  repositories: '**'
  tags: prod-*
  moved_by:
  - a-publisher
- name: forward
  repositories: '**'
  forward_only: true
"""


def parse(text: str) -> Policy:
    return offline.parse(text)


def written(policy: Policy) -> str:
    return policy_text.render(Access(), {"tags": [item.plain for item in policy.beside["tags"]]})


def problems(tags: str) -> list[str]:
    with pytest.raises(RequestInvalid) as caught:
        parse(f"version: 1\ntags:\n{tags}")
    return list(caught.value.detail["problems"])


def test_what_is_read_is_written_as_it_was() -> None:
    assert written(parse(WHOLE)) == WHOLE


plain_ = st.fixed_dictionaries(
    {"name": st.text("ab'\" :#-é", min_size=1, max_size=5), "immutable": st.just(value=True)},
    optional={
        "tags": st.sampled_from(["*", "true", "1.0", ["a", "null"], {"not": "x"}, {"git_sha": True}, "null", "1e3"]),
        "undeletable": st.sampled_from([True, False, {"until": "1.5"}, {"until": "2027-01-31"}]),
        "forward_only": st.booleans(),
    },
).map(lambda fields: {**fields, "repositories": "**"})


@given(st.lists(plain_, max_size=4, unique_by=lambda fields: str(fields["name"])))
def test_whatever_is_written_is_read_as_the_same(items: list[dict[str, object]]) -> None:
    text = policy_text.render(Access(), {"tags": items})
    found = policy_file.parse(text, policy_sections.readers([section.SECTION])).beside.get("tags", ())
    assert [item.plain for item in found] == items
    for fields in items:
        parsing.rule(fields)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("- {name: a, repositories: '**', imutable: true}", "3:43: tags[0].imutable: unknown key 'imutable': did you"),
        ("- {name: a, immutable: true}", "3:3: tags[0]: repositories is missing"),
        ("- {repositories: '**', immutable: true}", "3:3: tags[0]: name is missing"),
        ("- {name: a, repositories: '**'}", "3:3: tags[0]: it forbids nothing"),
        ("- {name: a, repositories: '**', immutable: false}", "3:3: tags[0]: it forbids nothing"),
        ("- {name: a, repositories: '**', immutable: yes}", "3:44: tags[0].immutable: want true or false"),
        ("- {name: a, repositories: '**', immutable: 'true'}", "3:44: tags[0].immutable: want true or false"),
        ("- {name: a, repositories: '**', immutable: }", "3:44: tags[0].immutable: no value"),
        ("- {name: a, repositories: '**', immutable: true, tags: [x, {regex: '('}]}", "tags[0].tags[1].regex: "),
        ("- {name: a, repositories: '**', immutable: true, tags: [x, {regx: '('}]}", "3:60: tags[0].tags[1]: want ex"),
        ("- {name: a, repositories: 'A', immutable: true}", "3:27: tags[0].repositories: 'A' matches nothing"),
        ("- {name: a, repositories: '**', tags: a/b, immutable: true}", "'a/b' matches nothing"),
        ("- {name: a, repositories: '**', tags: [], immutable: true}", "3:39: tags[0].tags: an empty list"),
        ("- {name: a, repositories: '**', undeletable: {til: x}}", "3:46: tags[0].undeletable: want true, or {until"),
        ("- {name: a, repositories: '**', undeletable: {until: soon}}", "3:54: tags[0].undeletable.until: 'soon'"),
        ("- {name: a, repositories: '**', form: {regex: 'x-[a-z]{3}'}}", "tags[0].form: say under 'example'"),
        ("- {name: a, repositories: '**', immutable: true, example: x}", "tags[0].example: there is no form"),
        ("- {name: a, repositories: '**', moved_by: UP}", "3:43: tags[0].moved_by: "),
        ("- {name: a, repositories: '**', moved_by: []}", "3:43: tags[0].moved_by: want at least one"),
        ("- {name: a, repositories: '**', immutable: true, immutable: true}", "given twice"),
        ("- {name: '', repositories: '**', immutable: true}", "3:10: tags[0].name: want a name"),
        ("- x", "3:3: tags[0]: want a mapping"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(line: str, said: str) -> None:
    assert any(said in problem for problem in problems(line)), problems(line)


def test_everything_that_is_wrong_is_said_at_once_and_names_are_unique() -> None:
    rule = "- {name: a, repositories: '**', immutable: true}\n"
    assert problems(rule + rule) == ["4:3: tags[1].name: there are two rules of the name a"]
    assert len(problems("- {name: a, repositories: A, moved_by: UP}\n- {nam: b}\n")) == 5
    many = "".join(f"- {{name: r{n}, repositories: '**', immutable: true}}\n" for n in range(501))
    assert problems(many) == ["3:1: tags: more than 500 rules"]


async def test_commands_know_the_sections_that_the_server_knows(registry: Registry) -> None:
    server = registry.services.policies._sections
    assert [(each.word, each.read) for each in offline.SECTIONS] == [(each.word, each.read) for each in server]


async def plan(api: Caller, text: str, *, prune: bool = False) -> list[tuple[str, str, str]]:
    found = await api("POST", "/policy/plan", {"policy": text, "prune": prune})
    return [(change["kind"], change["noun"], change["effect"]) for change in found["changes"]]


async def test_rules_are_planned_applied_and_exported_as_they_were_written(registry: Registry, api: Caller) -> None:
    assert [kind for kind, _, _ in await plan(api, WHOLE)] == ["add"] * 4
    await api("POST", "/policy/apply", {"policy": WHOLE})
    exported = (await api("GET", "/policy"))["policy"]
    assert exported.endswith(WHOLE.removeprefix("version: 1\n"))
    assert await plan(api, exported, prune=True) == []
    assert await plan(api, WHOLE) == []
    added = await registry.services.db.read(audit.page, Filter(action="tag_rule.add"), None, 10)
    assert sorted(json.loads(record.detail)["after"]["name"] for record in added) == [
        "forms",
        "forward",
        "production",
        "releases",
    ]


async def test_what_a_rule_does_to_present_tags_is_said(registry: Registry, api: Caller) -> None:
    await registry.client.push_image("shop/web", image(), "1.0.0")
    for tag in ("1.0.1", "latest", "nightly"):
        await push(registry.client, image(), tag)
    rule = "version: 1\ntags:\n- {name: a, repositories: '**', tags: semver, immutable: true}\n"
    assert await plan(api, rule) == [("add", "tag_rule", "of 4 present tags 2 can no longer be moved")]
    await rules(registry, rule)
    changed = rule.replace("semver, immutable: true", "'*', form: semver")
    (change,) = await plan(api, changed)
    assert change[:2] == ("change", "tag_rule")
    assert "2 can be moved again" in change[2]
    assert "2 are not of the form, and stay as they are (shop/web:latest, shop/web:nightly)" in change[2]
    empty = "version: 1\ntags: []\n"
    kept = (await api("POST", "/policy/plan", {"policy": empty}))["kept"]
    assert [change["effect"] for change in kept] == ["of 4 present tags 2 can be moved again"]
    nothing = "version: 1\ntags:\n- {name: b, repositories: nowhere, immutable: true}\n"
    assert await plan(api, nothing) == [("add", "tag_rule", "none of 0 present tags is another by it")]


async def test_what_a_file_leaves_out_goes_with_prune_only_and_order_is_kept(registry: Registry, api: Caller) -> None:
    def text(*names: str) -> str:
        lines = [f"- {{name: {name}, repositories: '**', immutable: true}}\n" for name in names]
        return "version: 1\ntags:\n" + "".join(lines)

    async def names() -> list[str]:
        policy = (await api("GET", "/policy"))["policy"]
        return [item.name for item in parse(policy).beside.get("tags", ())]

    await api("POST", "/policy/apply", {"policy": text("a", "b")})
    await api("POST", "/policy/apply", {"policy": text("c", "a")})
    assert await names() == ["c", "a", "b"]
    assert [change[:2] for change in await plan(api, text("a", "c", "b"))] == [("change", "tag_rule_order")]
    await api("POST", "/policy/apply", {"policy": text("a", "c", "b")})
    assert await names() == ["a", "c", "b"]
    await api("POST", "/policy/apply", {"policy": text("b"), "prune": True})
    assert await names() == ["b"]
    await api("POST", "/policy/apply", {"policy": "version: 1\naccess: {}\n", "prune": True})
    assert await names() == ["b"]  # a section that is left out is not looked at


async def test_a_plan_is_out_of_date_when_the_rules_have_changed(registry: Registry, api: Caller) -> None:
    rule = "version: 1\ntags:\n- {name: a, repositories: '**', immutable: true}\n"
    seen = await api("POST", "/policy/plan", {"policy": rule})
    await rules(registry, rule.replace("name: a", "name: b"))
    await api.refusal("POST", "/policy/apply", {"policy": rule, "hash": seen["hash"]}, status=412)
    seen = await api("POST", "/policy/plan", {"policy": rule})
    made = await api("POST", "/policy/apply", {"policy": rule, "hash": seen["hash"]})
    assert [change["effect"] for change in made["changes"]] == ["none of 0 present tags is another by it"]


async def test_a_mover_whom_nobody_knows_stands_against_the_plan_until_the_rule_is_there(api: Caller) -> None:
    rule = "version: 1\ntags:\n- {name: a, repositories: '**', moved_by: [a-reader, 'group:new']}\n"
    said = await api("POST", "/policy/plan", {"policy": rule})
    assert said["problems"] == ["3:54: tags[0].moved_by[1]: group:new is not known"]
    await api.refusal("POST", "/policy/apply", {"policy": rule}, status=400)
    whole = rule + "access:\n  groups: {new: []}\n"
    await api("POST", "/policy/apply", {"policy": whole})
    await api("DELETE", "/groups/new", status=204)
    exported = (await api("GET", "/policy"))["policy"]
    assert (await api("POST", "/policy/plan", {"policy": exported}))["problems"] == []
