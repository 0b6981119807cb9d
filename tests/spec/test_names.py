"""Repository names, tags and references: the specification's grammar, whole and nothing but."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wharfinger.errors import DigestInvalid, NameInvalid, Refusal, TagInvalid
from wharfinger.spec import names

GRAMMAR = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
"""As the specification prints it."""

GOOD_NAMES = [
    *("a", "0", "library/ubuntu", "a/b/c/d/e/f", "a.b", "a_b", "a__b", "a-b", "a---b", "a.b_c__d-e/f"),
    *("v2", "blobs/uploads", "team/manifests/app", "a/tags/list", "x" * 255, "/".join("a" * 128)),
]
BAD_NAMES = {
    "nothing": "",
    "slash only": "/",
    "slash at the start": "/a",
    "slash at the end": "a/",
    "empty component": "a//b",
    "parent": "..",
    "parent inside": "a/../b",
    "parent glued": "a..b",
    "here": "a/./b",
    "hidden": ".git/config",
    "encoded parent": "a/%2e%2e/b",
    "encoded slash": "a%2fb",
    "upper case": "Library/ubuntu",
    "upper case inside": "library/Ubuntu",
    "three underscores": "a___b",
    "underscore at the end": "a_",
    "dash at the start": "-a",
    "dot then dash": "a.-b",
    "NUL": "a\0b",
    "NUL at the end": "ab\0",
    "newline at the end": "ab\n",
    "space": "a b",
    "tab": "a\tb",
    "backslash": "a\\b",
    "colon": "host:5000/a",
    "question mark": "a?b",
    "Cyrillic a": "librаry/ubuntu",
    "full-width digit": "a１",
    "Arabic digit": "a٣",
    "long s": "ſervice",
    "combining accent": "cafe\u0301",
    "zero width space": "a\u200bb",
    "right-to-left override": "a\u202eb",
    "half a surrogate pair": "a\ud800",
    "256 characters": "x" * 256,
    "a megabyte": "a/" * 500_000 + "a",
    "a megabyte of dashes": "a" + "-" * 1_000_000,
}
GOOD_TAGS = ["latest", "1.2.3", "_", "V1", "0", "a.b-c_d", "a..b", "x" * 128, "sha256-" + "a" * 64]
BAD_TAGS = {
    "nothing": "",
    "dot at the start": ".hidden",
    "dash at the start": "-rf",
    "parent": "..",
    "slash": "a/b",
    "encoded slash": "a%2fb",
    "plus": "1.0+build",
    "space": "a b",
    "NUL": "a\0",
    "newline at the end": "latest\n",
    "Cyrillic a": "lаtest",
    "full-width digit": "１",
    "half a surrogate pair": "a\ud800",
    "129 characters": "x" * 129,
    "a megabyte": "x" * 1_000_000,
}


@pytest.mark.parametrize("text", GOOD_NAMES)
def test_a_name_of_the_grammar_is_taken_as_it_is(text: str) -> None:
    assert names.repository(text) == text


@pytest.mark.parametrize("text", BAD_NAMES.values(), ids=BAD_NAMES)
def test_another_name_is_refused(text: str) -> None:
    with pytest.raises(NameInvalid) as refused:
        names.repository(text)
    require_answerable(refused.value)


@pytest.mark.parametrize("text", GOOD_TAGS)
def test_a_tag_of_the_grammar_is_taken_as_it_is(text: str) -> None:
    assert names.tag(text) == names.reference(text) == text


@pytest.mark.parametrize("text", BAD_TAGS.values(), ids=BAD_TAGS)
def test_another_tag_is_refused(text: str) -> None:
    with pytest.raises(TagInvalid) as refused:
        names.tag(text)
    require_answerable(refused.value)


def test_a_reference_with_a_colon_is_a_digest() -> None:
    reference = names.reference("sha256:" + "0" * 64)
    assert names.is_digest(reference)
    assert not names.is_digest(names.reference("sha256-" + "0" * 64))


@pytest.mark.parametrize("text", [":", "sha256:0", "latest:", "a:b", ":\0", "sha256:" + "0" * 64 + "\n"])
def test_a_reference_with_a_colon_that_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(DigestInvalid):
        names.reference(text)


@settings(max_examples=40, deadline=None)
@given(st.from_regex(GRAMMAR, fullmatch=True).filter(lambda text: len(text) <= names.MAX_NAME))
def test_every_name_of_the_printed_grammar_is_taken(text: str) -> None:
    assert names.repository(text) == text


@given(st.text(st.sampled_from("ab0./_-A\n\0") | st.characters(codec=None), max_size=12))
def test_any_text_is_a_name_of_the_printed_grammar_or_refused(text: str) -> None:
    if re.fullmatch(GRAMMAR, text):
        assert names.repository(text) == text
    else:
        with pytest.raises(NameInvalid) as refused:
            names.repository(text)
        require_answerable(refused.value)


@given(st.text(st.sampled_from("aZ0._-:\n") | st.characters(codec=None), max_size=12))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        assert names.reference(text) == text
    except (TagInvalid, DigestInvalid) as refused:
        require_answerable(refused)


def require_answerable(refused: Refusal) -> None:
    """A refusal must fit into a JSON body, whatever was in the text."""
    assert len(json.dumps([refused.message, refused.detail], ensure_ascii=False).encode("utf-8")) < 3000
