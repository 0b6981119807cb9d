"""Whatever the bytes: a manifest, or a refusal that can be answered; soon, and in little memory."""

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.effort import times
from tests.kit.images import Image, image, index
from wharfinger.errors import DigestInvalid, ManifestInvalid
from wharfinger.spec import manifest as manifests
from wharfinger.spec.manifest import MAX_BYTES, MAX_DEPTH, Manifest
from wharfinger.spec.media_types import DOCKER_MANIFEST, INDEXES, MANIFESTS, OCI_INDEX, OCI_MANIFEST

VALID: list[Image] = [
    image(),
    image(layers=0, docker=True),
    image(artifact_type="a/b", subject=image(), annotations={"org.example": "é"}),
    index([image(seed=1), image(seed=2)], annotations={"a": "b"}),
]
HEAD = b'{"schemaVersion":2,'
DIGEST = b"sha256:" + b"0" * 64
LAYER = b'{"mediaType":"a/b","digest":"' + DIGEST + b'","size":0}'
TAIL = b',"config":{"mediaType":"a/b","digest":"' + DIGEST + b'","size":0},"layers":[]}'

NOT_JSON = {
    "nothing": b"",
    "white space": b" \n",
    "NUL": b"\0",
    "text": b'"text"',
    "list": b"[]",
    "null": b"null",
    "two documents": b"{}{}",
    "comment": HEAD + b'/* */"x":0' + TAIL,
    "comma at the end": HEAD + b'"x":[1,]' + TAIL,
    "single quotes": HEAD + b"'x':0" + TAIL,
    "NaN": HEAD + b'"x":NaN' + TAIL,
    "Infinity": HEAD + b'"x":-Infinity' + TAIL,
    "leading zero": HEAD + b'"x":01' + TAIL,
    "hexadecimal": HEAD + b'"x":0x1' + TAIL,
    "control character in text": HEAD + b'"x":"\n"' + TAIL,
    "broken escape": HEAD + b'"x":"\\x41"' + TAIL,
    "half a surrogate pair": HEAD + b'"x":"\\ud800"' + TAIL,
    "byte order mark": b"\xef\xbb\xbf" + image().raw,
    "UTF-16": image().raw.decode().encode("utf-16"),
    "Latin-1": HEAD + b'"x":"\xe9"' + TAIL,
    "surrogate in UTF-8": HEAD + b'"x":"\xed\xa0\x80"' + TAIL,
    "over-long slash in UTF-8": HEAD + b'"x":"\xc0\xaf"' + TAIL,
    "number of 5000 digits": HEAD + b'"x":' + b"1" * 5000 + TAIL,
    "backslash outside of text": b'{\\"x":' + b"[" * 100 + b"0" + b"]" * 100 + b"}",
}
TWICE = {
    "fields": HEAD + b'"layers":[]' + TAIL,
    "fields, one of them escaped": HEAD + b'"l\\u0061yers":[]' + TAIL,
    "fields nobody knows": HEAD + b'"x":0,"x":0' + TAIL,
    "fields far down": HEAD + b'"x":[{"y":{"z":1,"z":2}}]' + TAIL,
    "annotations": HEAD + b'"annotations":{"a":"1","a":"2"}' + TAIL,
    "digests": HEAD + b'"subject":{"mediaType":"a/b","digest":"' + DIGEST + b'","size":0,"size":1}' + TAIL,
}


def outcome(raw: bytes, content_type: str = OCI_MANIFEST) -> Manifest | ManifestInvalid | DigestInvalid:
    """The manifest or the refusal, which must fit into an answer."""
    try:
        return manifests.parse(raw, content_type)
    except (ManifestInvalid, DigestInvalid) as refused:
        require_answerable(refused)
        return refused


def require_answerable(refused: ManifestInvalid | DigestInvalid) -> None:
    assert len(json.dumps([refused.message, refused.detail], ensure_ascii=False).encode("utf-8")) < 3000


@pytest.mark.parametrize("raw", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_in_utf8_is_refused(raw: bytes) -> None:
    assert isinstance(outcome(raw), ManifestInvalid)


@pytest.mark.parametrize("raw", TWICE.values(), ids=TWICE)
def test_a_key_that_comes_twice_is_refused(raw: bytes) -> None:
    refused = outcome(raw)
    assert isinstance(refused, ManifestInvalid)
    assert "twice" in refused.message


def test_json_may_be_unusual_as_long_as_it_has_one_meaning() -> None:
    raw = b'\r\n{"x":[1e999,-0.0,"\\ud83d\\ude00\\u0000","}]"],"schemaVersion":\t2' + TAIL
    assert isinstance(outcome(raw), Manifest)


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_a_manifest_nests_as_deep_as_the_limit_and_no_deeper(brackets: str) -> None:
    def nested(levels: int) -> bytes:
        opening = '{"x":' if brackets == "{}" else "["
        return HEAD + f'"x":{opening * levels}0{brackets[1] * levels}'.encode() + TAIL

    assert isinstance(outcome(nested(MAX_DEPTH - 1)), Manifest)
    assert isinstance(outcome(nested(MAX_DEPTH)), ManifestInvalid)
    assert isinstance(outcome(nested(100_000)), ManifestInvalid)


def test_brackets_and_quotes_inside_of_text_are_text() -> None:
    text = json.dumps("[" * 100 + '"{\\' * 100 + "\\").encode()
    assert isinstance(outcome(HEAD + b'"x":' + text + TAIL), Manifest)


def filled(piece: bytes, start: bytes = b'"x":[', end: bytes = b"0]") -> bytes:
    """A manifest of the size limit, full of ``piece``."""
    room = MAX_BYTES - len(HEAD + start + end + TAIL)
    return HEAD + start + piece * (room // len(piece)) + end + TAIL


def numbered(piece: str, end: bytes = b'"x":0') -> bytes:
    """A manifest of the size limit, full of pieces that differ."""
    return HEAD + "".join(piece % i for i in range(MAX_BYTES // len(piece % 100_000))).encode() + end + TAIL


BIG = {
    "one long text": lambda: filled(b"a", b'"x":"', b'"'),
    "text of escapes": lambda: filled(b"\\n", b'"x":"', b'"'),
    "text of quotes": lambda: filled(b'\\"', b'"x":"', b'"'),
    "text without end": lambda: filled(b"a", b'"x":"', b""),
    "quotes without end": lambda: filled(b'\\"', b'"x":"', b""),
    "backslashes without end": lambda: filled(b"\\", b'"x":"', b""),
    "nothing but quotes": lambda: b'"' * MAX_BYTES,
    "opening brackets": lambda: b"[" * MAX_BYTES,
    "closing brackets": lambda: b"]" * MAX_BYTES,
    "empty lists": lambda: filled(b"[],"),
    "empty objects": lambda: filled(b"{},"),
    "empty texts": lambda: filled(b'"",'),
    "numbers": lambda: filled(b"1,"),
    "broken numbers": lambda: filled(b"1.5,"),
    "long numbers": lambda: filled(b"9" * 4299 + b","),
    "one number": lambda: filled(b"1", b'"x":', b""),
    "one broken number": lambda: filled(b"1", b'"x":0.', b""),
    "an exponent": lambda: filled(b"1", b'"x":1e', b""),
    "white space": lambda: b" " * (MAX_BYTES - 1000) + image().raw,
    "lines and then nothing": lambda: b"\n" * MAX_BYTES,
    "keys": lambda: numbered('"%d":0,'),
    "keys, the last one twice": lambda: numbered('"%d":0,', b'"100001":0'),
    "annotations": lambda: HEAD + b'"annotations":{"x":"' + b"a" * (MAX_BYTES - 300) + b'"}' + TAIL,
    "layers": lambda: (HEAD + TAIL[1:]).replace(b"[]", b"[" + b",".join([LAYER] * 40_000) + b"]"),
    "embedded": lambda: (HEAD + TAIL[1:]).replace(b'"size":0', b'"size":0,"data":"' + b"A" * (MAX_BYTES - 300) + b'"'),
    "digest": lambda: (HEAD + TAIL[1:]).replace(DIGEST, b"0" * (MAX_BYTES - 300)),
    "media type": lambda: (HEAD + TAIL[1:]).replace(b"a/b", b"a" * (MAX_BYTES - 300)),
}


@pytest.mark.parametrize("name", BIG)
def test_four_hostile_megabytes_cost_a_moment(name: str) -> None:
    raw = BIG[name]()
    started = time.process_time()
    outcome(raw)
    spent = time.process_time() - started
    assert spent < 3, f"{spent:.1f} s of processor time"


# Anything at all ----------------------------------------------------------------------------------------------------

types = st.sampled_from(sorted(MANIFESTS | INDEXES)) | st.text(max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
fragments = st.sampled_from(
    [
        *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\0", b"\xff", b"null", b"NaN", b"1e9", b"-1", b"9" * 4301),
        *(b"\\ud800", b'"digest"', b'"size":', b'"layers":[', b'"manifests":', b'"mediaType":"', b"sha512:", b"{" * 40),
    ]
)


@given(st.binary(), types)
def test_any_bytes_are_a_manifest_or_refused(raw: bytes, content_type: str) -> None:
    outcome(raw, content_type)


@given(st.dictionaries(st.sampled_from([*"xy", "config", "layers", "manifests", "subject"]), values), types)
def test_any_json_is_a_manifest_or_refused(fields: dict[str, object], content_type: str) -> None:
    outcome(json.dumps({"schemaVersion": 2, **fields}).encode("utf-8", "surrogatepass"), content_type)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A valid manifest after a few cuts, repeats and insertions."""
    raw = draw(st.sampled_from(VALID)).raw
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        stop = min(len(raw), start + draw(st.integers(0, 30)))
        middle = draw(st.sampled_from([b"", raw[start:stop] * 2, raw[start:stop].swapcase()]) | fragments)
        raw = raw[:start] + middle + raw[stop:]
    return raw


@settings(max_examples=times(500), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutations(), st.sampled_from([OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, ""]))
def test_a_damaged_manifest_is_understood_or_refused(raw: bytes, content_type: str) -> None:
    manifest = outcome(raw, content_type)
    if isinstance(manifest, Manifest):
        assert manifest.raw == raw
        assert manifests.parse(raw, manifest.media_type, manifest.digest) == manifest


layers = st.lists(st.binary(max_size=20) | st.integers(0, 20), max_size=4)
labels = st.dictionaries(st.text(st.characters(exclude_characters="\0", codec="utf-8")), st.text("ab"), max_size=3)


@given(layers, st.booleans(), labels, st.none() | st.just(image()), st.integers())
def test_what_was_built_is_what_is_read(
    layers: list[bytes | int], docker: bool, labels: dict[str, str], subject: Image | None, seed: int
) -> None:
    pushed = image(layers=layers, docker=docker, annotations=labels, subject=subject, seed=seed)
    manifest = manifests.parse(pushed.raw, pushed.media_type, pushed.digest)
    assert {part.digest: part.size for part in manifest.blobs} == {d: len(c) for d, c in pushed.blobs.items()}
    assert manifest.annotations == labels
    assert manifest.subject == (subject.digest if subject else None)
