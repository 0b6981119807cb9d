"""Digests are taken as the specification writes them, and in no other way."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharfinger.errors import DigestInvalid
from wharfinger.spec import digest as digests

HEX = "0123456789abcdef" * 4

HOSTILE = {
    "nothing": "",
    "no algorithm": HEX,
    "empty algorithm": f":{HEX}",
    "no digits": "sha256:",
    "too short": f"sha256:{HEX[:-1]}",
    "too long": f"sha256:{HEX}0",
    "sha512 with the digits of sha256": f"sha512:{HEX}",
    "upper case digits": f"sha256:{HEX.upper()}",
    "upper case algorithm": f"SHA256:{HEX}",
    "unregistered algorithm": f"md5:{HEX[:32]}",
    "algorithm with a path": f"../sha256:{HEX}",
    "digits with a path": f"sha256:../{HEX[3:]}",
    "digits with an encoded path": f"sha256:%2e%2e%2f{HEX[9:]}",
    "slash": f"sha256/{HEX}",
    "NUL at the end": f"sha256:{HEX}\0",
    "NUL inside": f"sha256:{HEX[1:]}\0",
    "newline at the end": f"sha256:{HEX}\n",
    "space at the start": f" sha256:{HEX}",
    "full-width digits": f"sha256:{HEX[:-1]}０",
    "Arabic digits": f"sha256:{HEX[:-1]}٣",
    "Cyrillic a": f"sha256:{HEX[:-1]}а",
    "Cyrillic s": f"ѕha256:{HEX}",
    "half a surrogate pair": f"sha256:{HEX[:-1]}\ud800",
    "a megabyte": "sha256:" + "0" * 1_000_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_exactly_a_digest_is_refused(text: str) -> None:
    with pytest.raises(DigestInvalid):
        digests.parse(text)
    assert not digests.is_digest(text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_refusal_can_be_answered_as_json_and_is_short(text: str) -> None:
    with pytest.raises(DigestInvalid) as refused:
        digests.parse(text)
    answer = json.dumps([refused.value.message, refused.value.detail], ensure_ascii=False).encode("utf-8")
    assert len(answer) < 3000


@pytest.mark.parametrize("text", [f"sha256:{HEX}", f"sha512:{HEX}{HEX}"])
def test_a_digest_is_taken_apart_into_algorithm_and_digits(text: str) -> None:
    digest = digests.parse(text)
    assert f"{digests.algorithm(digest)}:{digests.encoded(digest)}" == text


@given(st.binary(), st.sampled_from(sorted(digests.ALGORITHMS)))
def test_the_digest_of_any_content_parses_and_agrees_with_hashlib(content: bytes, name: str) -> None:
    digest = digests.of(content, name)
    assert digests.parse(digest) == digest
    assert digests.encoded(digest) == hashlib.new(name, content).hexdigest()


@given(st.lists(st.binary(), max_size=5))
def test_content_that_comes_in_pieces_has_the_digest_of_the_whole(pieces: list[bytes]) -> None:
    state = digests.hasher("sha256")
    for piece in pieces:
        state.update(piece)
    assert digests.finished("sha256", state) == digests.of(b"".join(pieces))


@given(st.text(st.characters(codec=None)))
def test_any_text_is_a_digest_or_refused(text: str) -> None:
    try:
        assert digests.parse(text) == text
    except DigestInvalid as refused:
        json.dumps(refused.detail, ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize("name", ["sha256", "sha512"])
def test_both_algorithms_of_the_image_specification_are_supported(name: str) -> None:
    assert digests.parse_algorithm(name) == name


@pytest.mark.parametrize("name", ["", "md5", "SHA256", "sha256 ", "sha256\n", "sha384", "blake3", "ѕha256"])
def test_another_algorithm_is_refused(name: str) -> None:
    with pytest.raises(DigestInvalid):
        digests.parse_algorithm(name)


def test_the_referrers_tag_is_the_digest_with_a_dash_and_at_most_64_digits() -> None:
    # Examples of the specification, "Referrers Tag Schema".
    assert digests.referrers_tag(digests.parse("sha256:" + "a" * 64)) == "sha256-" + "a" * 64
    assert digests.referrers_tag(digests.parse("sha512:" + "a" * 128)) == "sha512-" + "a" * 64
