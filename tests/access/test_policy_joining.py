"""A policy that lies in several files: what they are together, and where in which of them something is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.access.random_access import UNHURRIED
from wharfinger.access import policy_file, policy_joining, yaml_tree
from wharfinger.access.yaml_tree import Mapping, Place, Scalar, Tree
from wharfinger.errors import RequestInvalid

PEOPLE = """version: 1
access:
  roles: {releaser: [pull, push]}
  groups:
    shop: [alice, bob]
  grants: [{principal: 'group:shop', role: releaser, on: shop/**}]
"""
MACHINES = """version: 1
access:
  groups: {builders: [carol]}
  service_accounts: [{name: ci, owner: alice}]
  grants:
    - {principal: ci, role: publisher, on: shop/**, until: 2027-01-31}
"""


def join(*texts: str) -> policy_joining.Joined:
    """Of files that are called a, b, c, …"""
    return policy_joining.join([(chr(ord("a") + i), text) for i, text in enumerate(texts)])


def refused(*texts: str) -> list[str]:
    with pytest.raises(RequestInvalid) as wrong:
        join(*texts)
    return list(wrong.value.detail["problems"])


def test_what_files_say_apart_is_what_one_file_would_say() -> None:
    whole = """version: 1
access:
  roles: {releaser: [pull, push]}
  groups: {shop: [alice, bob], builders: [carol]}
  service_accounts: [{name: ci, owner: alice}]
  grants:
    - {principal: 'group:shop', role: releaser, on: shop/**}
    - {principal: ci, role: publisher, on: shop/**, until: 2027-01-31}
"""
    assert policy_file.parse(join(PEOPLE, MACHINES).text) == policy_file.parse(whole)
    assert policy_file.parse(join(whole).text) == policy_file.parse(whole)
    assert policy_file.parse(join(PEOPLE, MACHINES.removeprefix("version: 1\n")).text) == policy_file.parse(whole)


def test_what_is_wrong_in_the_whole_has_its_place_in_its_file() -> None:
    wrong = MACHINES.replace("role: publisher", "roles: publisher").replace("name: ci", "name: CI")
    joined = join(PEOPLE, wrong)
    with pytest.raises(RequestInvalid) as error:
        policy_file.parse(joined.text)
    told = [joined.told(problem) for problem in error.value.detail["problems"]]
    assert sorted(str(line).split(": ")[:2] for line in told) == [
        ["b:4:29", "access.service_accounts[0].name"],
        ["b:6:30", "access.grants[1].roles"],
        ["b:6:7", "access.grants[1]"],
    ]
    assert joined.told("nothing is known of where this is") is None
    assert joined.told("999:1: beyond the end") is None


def test_a_key_of_two_files_is_refused_with_both_places() -> None:
    other = MACHINES.replace("builders: [carol]", "shop: [carol]")
    assert refused(PEOPLE, other) == ["b:3:18: access.groups.shop: what a:5:11 says cannot be joined with this"]


@pytest.mark.parametrize(
    ("section", "key", "place"),
    [
        ("access: {service_accounts: [{name: ci}]}", "access.service_accounts[1].name", "2:36"),
        ("access: {issuers: [{url: ci, audience: x}]}", "access.issuers[1].url", "2:26"),
        ("tags: [{name: ci, repositories: '**'}]", "tags[1].name", "2:15"),
        ("lifecycle: [{name: ci}]", "lifecycle[1].name", "2:20"),
    ],
)
def test_a_name_of_two_files_is_refused_with_both_places(section: str, key: str, place: str) -> None:
    text = f"version: 1\n{section}\n"
    last = key.rpartition(".")[2]
    assert refused(text, text) == [f"b:{place}: {key}: 'ci' is the {last} of another in a:{place}"]


def test_a_name_twice_in_one_file_is_for_the_reader_to_refuse() -> None:
    text = "version: 1\naccess: {service_accounts: [{name: ci}, {name: ci}]}\n"
    joined = join("version: 1\naccess: {service_accounts: [{name: other}]}\n", text)
    with pytest.raises(RequestInvalid, match="ci is there twice"):
        policy_file.parse(joined.text)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("version: 1", "# nothing"), "b:1:1: there is nothing in it"),
        (("version: 1", "version: 2"), "b:1:10: version: what a:1:10 says cannot be joined with this"),
        (("version: 1\ntags: []", "version: 1\ntags: {}"), "b:2:7: tags: what a:2:7 says cannot be joined with this"),
        (("version: 1", "- version"), "b:1:1: want a mapping, that is lines of the form 'key: value'"),
        (("version: 1", "version: 1\nversion: 1"), "b:2:1: version: given twice"),
        (("version: 1", "version: 1\n---\nversion: 1"), "b:2:1: a second document: want one"),
        (("version: 1", "version: [1\n"), "b:2:1: not YAML: did not find expected ',' or ']'"),
        (("version: 1", "version: &a 1"), "b:1:10: anchors and aliases are not read: write it out"),
        (("version: 1", "#" * (1024 * 1024 + 1)), "b: more than 1048576 bytes: that is too much for a policy"),
    ],
)
def test_files_that_cannot_be_joined_are_refused_with_file_and_place(texts: tuple[str, ...], said: str) -> None:
    assert refused(*texts) == [said]


def test_what_is_wrong_in_several_files_is_told_at_once() -> None:
    assert [line[0] for line in refused("version: [", "", "version: *x")] == ["a", "c", "b"]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["null", "~", "", "true", "no", "1", "# no comment", "k" * 1100, '"', "\\", "\x85\u2028\t\n"]
)
HERE = Place(1, 1)
SCALARS = TEXTS.map(lambda text: Scalar(HERE, text, plain=False)) | st.sampled_from(
    ["null", "true", "false", "word", "7d", "**"]
).map(lambda text: Scalar(HERE, text, plain=True))


def _bigger(trees: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return st.builds(yaml_tree.Sequence, st.just(HERE), st.lists(trees, max_size=3)) | st.builds(
        Mapping, st.just(HERE), st.lists(st.tuples(SCALARS | trees, trees), max_size=3)
    )


def meaning(node: Tree) -> object:
    """What a reader of the tree can tell apart."""
    match node:
        case Scalar() if node.is_null or (node.plain and node.text in {"true", "false"}):
            return (node.is_null or node.text,)
        case Scalar():
            return node.text
        case Mapping():
            return {i: (meaning(key), meaning(value)) for i, (key, value) in enumerate(node.pairs)}
        case _:
            return [meaning(item) for item in node.items]


@UNHURRIED
@given(st.recursive(SCALARS, _bigger, max_leaves=12))
def test_whatever_is_written_is_read_as_the_same(tree: Tree) -> None:
    text = "".join(f"{line}\n" for line, _ in policy_joining.written(tree))
    found = yaml_tree.read(text)
    assert found is not None
    assert meaning(found) == meaning(tree)
