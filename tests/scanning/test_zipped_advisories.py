"""Files of zip archives are read in a shorter way than the standard library's, which says the same of every archive."""

import io
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wharfinger.scanning.advisories.reading import Budget, containers

FILES = {"a.json": b'{"id": "A-1"}' * 9, "Go/b.json": b'{"id": "B-1"}', "ü.json": b"{}", "empty.json": b""}
Said = list[tuple[str, str, bytes, str]]
"""Of each file its source, its name, its bytes, and why it cannot be read."""
DAMAGED = "damaged"


def zipped(method: int) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", method) as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return raw.getvalue()


class Unseekable(io.BytesIO):
    """What is written so has its sizes behind it."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def streamed() -> bytes:
    raw = Unseekable()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return raw.getvalue()


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "stored": lambda: zipped(zipfile.ZIP_STORED),
    "deflated": lambda: zipped(zipfile.ZIP_DEFLATED),
    "streamed": streamed,
    "in another way": lambda: zipped(zipfile.ZIP_LZMA),
}


def ours(raw: bytes, folder: Path) -> Said:
    path = folder / "all.zip"
    path.write_bytes(raw)
    (container,) = containers(path)
    return [(each.source, each.name, each.data, each.broken) for each in container.entries(Budget())]


def standard(raw: bytes, source: str) -> Said:
    """The same by the standard library alone."""
    try:
        return list(_members(raw, source))
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        return [(source, "all.zip", b"", DAMAGED)]


def _members(raw: bytes, source: str) -> Iterator[tuple[str, str, bytes, str]]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for info in sorted(archive.infolist(), key=lambda each: each.filename):
            folder, _, name = info.filename.rpartition("/")
            try:
                yield folder or source, name, archive.read(info), ""
            except Exception:  # noqa: BLE001  whatever it is, it is what the library says of this file
                yield folder or source, name, b"", DAMAGED


@pytest.mark.parametrize("made", ARCHIVES.values(), ids=ARCHIVES)
def test_a_sound_archive_is_read_as_the_standard_library_reads_it(made: Callable[[], bytes], tmp_path: Path) -> None:
    said = ours(made(), tmp_path)
    assert said == standard(made(), tmp_path.name)
    assert sorted(data for _, _, data, _ in said) == sorted(FILES.values())


@pytest.mark.parametrize("made", ARCHIVES.values(), ids=ARCHIVES)
def test_of_a_damaged_archive_nothing_is_taken_that_the_standard_library_refuses(
    made: Callable[[], bytes], tmp_path: Path
) -> None:
    sound, chance = made(), random.Random(7)
    for at in range(len(sound)):
        damaged = bytearray(sound)
        damaged[at] ^= 1 << chance.randrange(8)
        said = ours(bytes(damaged), tmp_path)
        taken = {(name, data) for _, name, data, broken in said if not broken and data}
        allowed = {(name, data) for _, name, data, broken in standard(bytes(damaged), tmp_path.name) if not broken}
        assert taken <= allowed, at
        missing = {name for name, data in allowed - taken if name.endswith(".json") and data}
        assert all("more than 256 MiB" in broken for _, name, _, broken in said if name in missing), at
        assert missing <= {name for _, name, _, _ in said}, at
