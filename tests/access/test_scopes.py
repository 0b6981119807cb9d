"""Scopes: what clients ask for, read strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharfinger.access import scopes
from wharfinger.access.actions import Action
from wharfinger.access.scopes import AT_MOST, WORDS, Scopes
from wharfinger.errors import RequestInvalid
from wharfinger.spec.names import RepoName

WEB, API = RepoName("shop/web"), RepoName("shop/api")


@pytest.mark.parametrize(
    ("texts", "repositories", "catalog"),
    [
        ([], {}, False),
        ([""], {}, False),
        (["repository:shop/web:pull"], {WEB: {"pull"}}, False),
        (["repository:shop/web:pull,push"], {WEB: {"pull", "push"}}, False),
        (["repository:shop/web:pull repository:shop/api:push"], {WEB: {"pull"}, API: {"push"}}, False),
        (["repository:shop/web:pull", "repository:shop/api:push"], {WEB: {"pull"}, API: {"push"}}, False),
        (["repository:shop/web:pull", "repository:shop/web:push"], {WEB: {"pull", "push"}}, False),
        (["  repository:shop/web:pull  "], {WEB: {"pull"}}, False),
        (["repository:shop/web:*"], {WEB: set(WORDS)}, False),
        (["repository:shop/web:pull,*"], {WEB: set(WORDS)}, False),
        (["repository(plugin):shop/web:pull"], {WEB: {"pull"}}, False),
        (["repository:shop/web:"], {WEB: set()}, False),
        (["repository:shop/web:fly"], {WEB: {"fly"}}, False),
        (["registry:catalog:*"], {}, True),
        (["registry:catalog:pull"], {}, False),
        (["registry:other:*"], {}, False),
        (["artifact:x:y"], {}, False),
    ],
)
def test_what_is_asked_for(texts: list[str], repositories: dict[RepoName, set[str]], catalog: bool) -> None:
    found = scopes.parse(texts)
    assert {name: set(words) for name, words in found.repositories.items()} == repositories
    assert found.catalog == catalog


@pytest.mark.parametrize(
    "text",
    [
        *("x", ":", "::", "repository", "repository:", "repository:shop/web", ":shop/web:pull", "repository::pull"),
        *("Repository:shop/web:pull", "repository:Shop/web:pull", "repository:shop/web/:pull", "repository:*:pull"),
        *("repository:shop/**:pull", "repository:../web:pull", "repository:shop//web:pull", "repository:a:b:pull"),
        *("repository:shop/web:PULL", "repository:shop/web:pull,", "repository:shop/web:,pull", "repository:a:pull\n"),
        *("repository:shop/web:pull\tpush", "repository:shop/web:p\0ll", "repository:sh\u00f6p:pull", "(x):a:pull"),
        *("repository:localhost:5000/shop/web:pull", "repository:" + "a" * 256 + ":pull", "repository:a%2Fb:pull"),
        *("\ud800:a:pull", "repository:a:pull\u2028", "repository:a\x7f:pull", "repository:a.:pull"),
    ],
)
def test_what_is_malformed_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(RequestInvalid, match=r"^scope 2 is malformed"):
        scopes.parse(["repository:shop/web:pull", text])


def test_there_is_an_end_to_what_can_be_asked_for() -> None:
    many = [f"repository:shop/n{i}:pull" for i in range(AT_MOST + 1)]
    assert len(scopes.parse(many[:-1]).repositories) == AT_MOST
    for texts in (many, [" ".join(many)]):
        with pytest.raises(RequestInvalid, match="101 scopes are asked for; want 100 at most"):
            scopes.parse(texts)


def test_what_a_refusal_repeats_is_short() -> None:
    with pytest.raises(RequestInvalid) as refusal:
        scopes.parse(["x" * 100_000])
    assert len(refusal.value.message) < 300


@given(st.text())
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    try:
        found = scopes.parse([text])
    except RequestInvalid:
        return
    assert scopes.of_access(found.access()).catalog == found.catalog


def test_the_claim_says_what_the_scopes_say_and_nothing_that_we_have_no_word_for() -> None:
    asked = scopes.parse(["repository:shop/web:push,pull,fly repository:shop/api: registry:catalog:*"])
    assert asked.access() == [
        {"type": "repository", "name": "shop/web", "actions": ["pull", "push"]},
        {"type": "registry", "name": "catalog", "actions": ["*"]},
    ]
    assert scopes.of_access(asked.access()) == Scopes({WEB: frozenset({"pull", "push"})}, catalog=True)


def test_every_action_takes_a_word_and_those_of_management_none_that_a_token_can_have() -> None:
    assert {action: scopes.word_of(action) for action in Action if scopes.word_of(action) in WORDS} == {
        Action.PULL: "pull",
        Action.PUSH: "push",
        Action.TAG: "delete",
        Action.DELETE: "delete",
    }


def test_a_word_counts_in_its_repository_alone() -> None:
    found = scopes.parse(["repository:shop/web:pull"])
    assert found.allow("pull", WEB)
    assert not found.allow("push", WEB)
    assert not found.allow("pull", API)
    assert not found.allow("pull", RepoName(""))
