"""The walk over tar archives, next to the standard library's and with archives that are broken on purpose."""

import io
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.effort import times
from tests.kit.layers import Link, archive, zipped
from wharfinger.scanning.limits import Unreadable
from wharfinger.scanning.tar import Entry, Kind, Walk, clean
from wharfinger.scanning.unpacking import Unpacked, chunks

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=300)
CONTENTS = st.one_of(
    st.binary(max_size=2000), st.none(), NAMES.map(Link), NAMES.map(lambda target: Link(target, hard=True))
)
KINDS: dict[bytes, Kind] = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.DIRTYPE: Kind.FOLDER,
    tarfile.SYMTYPE: Kind.LINK,
    tarfile.LNKTYPE: Kind.HARD_LINK,
}


def walked(raw: bytes) -> list[tuple[Entry, bytes]]:
    source = Unpacked(chunks(io.BytesIO(raw)), 1 << 30)
    walk = Walk(source)
    seen = []
    for entry in walk:
        content = source.read(entry.size)
        walk.taken(len(content))
        seen.append((entry, content))
    return seen


@settings(max_examples=times(100), deadline=None)
@given(
    st.dictionaries(NAMES, CONTENTS, max_size=6),
    st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
    st.sampled_from([lambda raw: raw, zipped]),
)
def test_it_sees_what_the_standard_library_sees(
    tree: dict[str, bytes | Link | None], format: int, packed: Callable[[bytes], bytes]
) -> None:
    raw = archive(tree, format)
    with tarfile.open(fileobj=io.BytesIO(raw)) as other:
        expected = [(clean(entry.name), KINDS[entry.type], entry.linkname, _content(other, entry)) for entry in other]
    ours = [(entry.path, entry.kind, entry.target, content) for entry, content in walked(packed(raw))]
    assert [(path, kind, content) for path, kind, _, content in ours] == [
        (path, kind, content) for path, kind, _, content in expected
    ]
    for (_, kind, target, _), (_, _, wanted, _) in zip(ours, expected, strict=True):
        if kind is Kind.LINK:
            assert target == wanted
        elif kind is Kind.HARD_LINK:
            assert target == clean(wanted)


def _content(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    if not entry.isreg():
        return b""
    file = archive.extractfile(entry)
    assert file is not None
    return file.read()


@settings(max_examples=times(100), deadline=None)
@given(st.binary(max_size=3000), st.integers(0, 4000), st.integers(0, 255))
def test_bytes_that_are_no_archive_end_with_a_reason(noise: bytes, at: int, byte: int) -> None:
    raw = bytearray(archive({"a": noise, "b" * 200: noise, "c": Link("a")}))
    raw[at % len(raw)] = byte
    for broken in (bytes(raw), noise, zipped(bytes(raw))[: at or 1]):
        try:
            walked(broken)
        except Unreadable as reason:
            assert str(reason)  # noqa: PT017  a reason, or none: never another exception


@given(st.text(alphabet="ab./", max_size=30))
def test_a_path_never_leaves_the_root(path: str) -> None:
    cleaned = clean(path)
    assert not {"", ".", ".."} & set(cleaned.split("/")) or not cleaned
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("path", "is_cleaned"),
    [("./a/b", "a/b"), ("/a//b/", "a/b"), ("../../etc/x", "etc/x"), ("a/../../b", "b"), ("", ""), ("a/./b", "a/b"),
     ("a..b/.c", "a..b/.c"), ("...", "...")],
)  # fmt: skip
def test_clean(path: str, is_cleaned: str) -> None:
    assert clean(path) == is_cleaned
