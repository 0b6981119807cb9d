"""Repositories as code: whose they are, and who may make one; read, planned, applied, kept to, exported."""

import json

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.api.caller import Caller
from tests.conftest import Registry
from tests.kit.client import code_of
from tests.kit.images import image
from wharfinger.access import policy_joining, policy_text, repository_parsing
from wharfinger.access.policy_file import Access
from wharfinger.access.repository_rules import on_creation, owner_of
from wharfinger.cli import policy_sections as offline
from wharfinger.errors import RequestInvalid
from wharfinger.meta import audit, policy_sections
from wharfinger.meta.audit import Filter
from wharfinger.spec.media_types import OCI_INDEX as INDEX

IMAGE = image(seed=9)
WHOLE = """version: 1
repositories:
- name: shop
  repositories: shop/**
  owner: a-maintainer
  create:
  - a-publisher
- name: open
  repositories:
  - sandbox/**
  - regex: play-[0-9]+
  create: true
- name: rest
  repositories: '**'
  owner: a-administrator
  create: false
"""


@pytest.fixture
def api(registry: Registry) -> Caller:
    """The administrator, asking the management API."""
    return Caller(registry.client)


def problems(repositories: str) -> list[str]:
    with pytest.raises(RequestInvalid) as caught:
        offline.parse(f"version: 1\nrepositories:\n{repositories}")
    return list(caught.value.detail["problems"])


RIGHT = [
    {"owner": "ann"},
    {"owner": "group:ops", "create": "ann"},
    {"create": False},
    {"create": True},
    {"create": ["ann", "group:ops"], "repositories": ["a/*", {"not": "b"}]},
]
WRONG = [
    {},
    {"ownr": "ann"},
    {"owner": ["ann"]},
    {"owner": ""},
    {"create": []},
    {"create": None},
    {"create": {"by": "ann"}},
    {"owner": "ann", "name": ""},
    {"owner": "ann", "repositories": {"regx": "x"}},
]


@pytest.mark.parametrize("fields", [*RIGHT, *WRONG], ids=str)
def test_the_schema_says_what_the_reader_says(fields: dict[str, object]) -> None:
    whole = {"name": "r", "repositories": "**"} | fields
    schema = jsonschema.Draft202012Validator(offline.schema())
    assert schema.is_valid({"version": 1, "repositories": [whole]}) is (fields in RIGHT)
    if fields in RIGHT:
        repository_parsing.rule(whole)
    else:
        with pytest.raises(RequestInvalid):
            repository_parsing.rule(whole)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("- {name: a, repositories: '**', owners: x}", "3:41: repositories[0].owners: unknown key 'owners': did you"),
        ("- {name: a, repositories: '**'}", "3:3: repositories[0]: it says nothing: want one of owner, create"),
        ("- {name: a, owner: ann}", "3:3: repositories[0]: repositories is missing"),
        ("- {repositories: '**', owner: ann}", "3:3: repositories[0]: name is missing"),
        ("- {name: a, repositories: 'A', create: false}", "3:27: repositories[0].repositories: 'A' matches nothing"),
        ("- {name: a, repositories: '**', create: []}", "3:41: repositories[0].create: want at least one name"),
        ("- {name: a, repositories: '**', owner: 'a b'}", "3:40: repositories[0].owner: "),
        ("- {name: a, repositories: '**', owner: }", "3:40: repositories[0].owner: no value"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(line: str, said: str) -> None:
    assert any(said in problem for problem in problems(line)), problems(line)


def test_two_rules_of_one_name_are_refused_and_so_are_too_many() -> None:
    rule = "- {name: a, repositories: '**', owner: ann}\n"
    assert problems(rule + rule) == ["4:3: repositories[1].name: there are two rules of the name a"]
    many = "".join(f"- {{name: r{n}, repositories: '**', create: false}}\n" for n in range(501))
    assert problems(many) == ["3:1: repositories: more than 500 rules"]


items_ = st.fixed_dictionaries(
    {"name": st.text("ab'\" :#-é", min_size=1, max_size=5), "owner": st.sampled_from(["ann", "true", "group:null"])},
    optional={"create": st.sampled_from([True, False, "ann", ["ann", "group:1"]])},
).map(lambda fields: {**fields, "repositories": "**"})


@given(st.lists(items_, max_size=4, unique_by=lambda fields: str(fields["name"])))
def test_whatever_is_written_is_read_as_the_same(items: list[dict[str, object]]) -> None:
    text = policy_text.render(Access(), {"repositories": items})
    found = offline.parse(text).beside.get("repositories", ())
    assert [item.plain for item in found] == items


def test_of_several_rules_the_first_that_says_something_answers() -> None:
    rules = [repository_parsing.rule(each) for each in yaml.safe_load(WHOLE)["repositories"]]

    def creation(repository: str) -> str | None:
        rule = on_creation(rules, repository)
        return None if rule is None else rule.name

    assert [creation(name) for name in ("shop/web", "sandbox/x", "play-7", "else")] == ["shop", "open", "open", "rest"]
    assert [owner_of(rules, name) for name in ("shop/web", "sandbox/x")] == ["a-maintainer", "a-administrator"]
    assert (on_creation(rules[:2], "else"), owner_of(rules[:2], "else")) == (None, None)


def test_files_of_a_directory_are_one_list_and_a_name_in_two_is_refused() -> None:
    def file(name: str) -> str:
        return f"version: 1\nrepositories: [{{name: {name}, repositories: '**', create: false}}]\n"

    joined = offline.parse(policy_joining.join([("a.yaml", file("one")), ("b.yaml", file("two"))]).text)
    assert [each.name for each in joined.beside["repositories"]] == ["one", "two"]
    with pytest.raises(RequestInvalid) as caught:
        policy_joining.join([("a.yaml", file("one")), ("b.yaml", file("one"))])
    (problem,) = caught.value.detail["problems"]
    assert problem.startswith("b.yaml:2:23: repositories[1].name: 'one' is the name of another in a.yaml:2:23")


async def test_it_goes_in_and_comes_out_the_same_and_is_audited(registry: Registry, api: Caller) -> None:
    plan = await api("POST", "/policy/plan", {"policy": WHOLE})
    assert [(change["kind"], change["text"]) for change in plan["changes"]] == [
        ("add", "repository rule shop for shop/**: owned by a-maintainer, made by a-publisher only"),
        ("add", "repository rule open for sandbox/** or /play-[0-9]+/: made by whoever may push"),
        ("add", "repository rule rest for **: owned by a-administrator, made by nobody"),
    ]
    await api("POST", "/policy/apply", {"policy": WHOLE, "hash": plan["hash"]})
    exported = (await api("GET", "/policy"))["policy"]
    assert exported.endswith(WHOLE.removeprefix("version: 1\n"))
    again = await api("POST", "/policy/plan", {"policy": exported, "prune": True})
    assert (again["changes"], again["problems"]) == ([], [])
    await api("POST", "/policy/apply", {"policy": WHOLE.replace("create: true", "create: false")})
    (record,) = await registry.services.db.read(audit.page, Filter(action="repository_rule.change"), None, 10)
    detail = json.loads(record.detail)
    assert (detail["before"]["create"], detail["after"]["create"]) == (True, False)


async def test_who_may_not_administer_applies_nothing(registry: Registry) -> None:
    for role, status in (("auditor", 403), ("maintainer", 403), ("administrator", 200)):
        await Caller(registry.as_(role))("POST", "/policy/apply", {"policy": WHOLE}, status=status)


async def test_a_name_that_nobody_has_stands_against_the_plan(api: Caller) -> None:
    rule = "version: 1\nrepositories:\n- {name: a, repositories: '**', owner: gone, create: ['group:new']}\n"
    said = (await api("POST", "/policy/plan", {"policy": rule}))["problems"]
    assert said == [
        "3:40: repositories[0].owner: gone is not known",
        "3:55: repositories[0].create[0]: group:new is not known",
    ]


async def push(registry: Registry, role: str, repository: str) -> int:
    """The status of the first request of a push; after 202 the rest is done, too."""
    client = registry.as_(role)
    status = (await client.request("POST", f"/v2/{repository}/blobs/uploads/")).status_code
    if status == 202:
        await client.push_image(repository, IMAGE, "1")
    return status


async def test_only_who_may_makes_a_repository_and_pushes_to_what_is_there_go_on(
    registry: Registry, api: Caller
) -> None:
    await push(registry, "publisher", "old/web")
    await api("POST", "/policy/apply", {"policy": WHOLE})
    assert await push(registry, "publisher", "shop/web") == 202
    assert await push(registry, "maintainer", "shop/web") == 202  # it is there now
    assert await push(registry, "maintainer", "shop/api") == 403
    assert await push(registry, "administrator", "new/web") == 403
    assert await push(registry, "publisher", "old/web") == 202
    assert await push(registry, "maintainer", "sandbox/x") == 202
    names = [row["name"] for row in (await api("GET", "/repositories"))["repositories"]]
    assert names == ["old/web", "sandbox/x", "shop/web"]


async def test_a_refusal_names_the_rule_and_who_to_ask_and_is_recorded(registry: Registry, api: Caller) -> None:
    await api("POST", "/policy/apply", {"policy": WHOLE})
    answer = await registry.as_("maintainer").request("POST", "/v2/shop/api/blobs/uploads/")
    assert (answer.status_code, code_of(answer)) == (403, "DENIED")
    said = "the repository rule shop forbids it: only a-publisher may make shop/api; it would belong to a-maintainer"
    assert answer.json()["errors"][0]["message"] == said
    answer = await registry.client.request("POST", "/v2/new/web/blobs/uploads/")
    said = "the repository rule rest forbids it: there is no new/web, and no push makes it; it would belong to a-ad"
    assert said in answer.text
    await registry.services.trail.flush(everything=True)
    found = await registry.services.db.read(audit.page, Filter(outcome="denied"), None, 10)
    assert {record.rule for record in found} == {"repository rule shop", "repository rule rest"}


async def test_no_door_beside_the_first_makes_one_either(registry: Registry, api: Caller) -> None:
    client = registry.client
    await push(registry, "administrator", "old/web")
    session = (await client.request("POST", "/v2/new/web/blobs/uploads/")).headers["location"]
    await api("POST", "/policy/apply", {"policy": WHOLE})
    digest, content = next(iter(IMAGE.blobs.items()))
    finished = await client.request("PUT", session, params={"digest": digest}, content=content)
    assert finished.status_code == 403  # the session is older than the rule
    mounted = await client.request("POST", f"/v2/new/web/blobs/uploads/?mount={digest}&from=old/web")
    assert mounted.status_code == 403
    at_once = await client.request("POST", f"/v2/new/web/blobs/uploads/?digest={digest}", content=content)
    assert at_once.status_code == 403
    empty = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()  # needs nothing before it
    assert (await client.put_manifest("new/web", "1", empty, INDEX)).status_code == 403
    assert (await client.put_manifest("old/web", "2", empty, INDEX)).status_code == 201
    assert [row["name"] for row in (await api("GET", "/repositories"))["repositories"]] == ["old/web"]


async def test_a_plan_says_whose_present_repositories_become(registry: Registry, api: Caller) -> None:
    for name in ("shop/web", "shop/api", "else"):
        await push(registry, "administrator", name)
    effects = [change["effect"] for change in (await api("POST", "/policy/plan", {"policy": WHOLE}))["changes"]]
    assert effects == [
        "of 2 present repositories 2 belong to a-maintainer (shop/api, shop/web)",
        "0 present repositories stay as they are",
        "of 3 present repositories 1 belongs to a-administrator (else)",
    ]


async def test_usage_says_whose_the_bytes_are(registry: Registry, api: Caller) -> None:
    for name in ("shop/web", "else"):
        await push(registry, "administrator", name)
    await api("POST", "/policy/apply", {"policy": WHOLE})
    owners = {row["name"]: row["owner"] for row in (await api("GET", "/usage"))["usage"]}
    assert owners == {"shop/web": "a-maintainer", "else": "a-administrator"}


async def test_rules_that_this_version_cannot_read_let_nobody_make_a_repository(registry: Registry) -> None:
    await push(registry, "publisher", "old/web")
    stored = json.dumps([{"name": "a", "repositories": "**", "quota": "1 GB"}])
    await registry.services.db.write(policy_sections.write, "repositories", stored, registry.clock())
    assert await push(registry, "publisher", "new/web") == 503
    assert await push(registry, "publisher", "old/web") == 202
