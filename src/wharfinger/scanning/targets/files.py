"""Files by name: in a folder, or in a tar archive that is read where they stand, without unpacking it."""

import os
import posixpath
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Protocol, Self

from wharfinger.errors import BlobUnknown, ManifestInvalid, Refusal
from wharfinger.scanning import tar, unpacking
from wharfinger.scanning.limits import Limits, Unreadable
from wharfinger.scanning.tar import Kind
from wharfinger.scanning.targets.place import CHUNK, Bytes

ENTRIES_AT_MOST = 100_000
LINKS_AT_MOST = 8


class Files(Protocol):
    """Two are real: a folder and an archive."""

    @property
    def where(self) -> str:
        """For messages."""

    def open(self, name: str) -> Bytes:
        """The file. Raises BlobUnknown where there is none, and Refusal where it cannot be read."""


@dataclass(frozen=True)
class Folder:
    """What is below a folder. Names come from digests and constants, so that none leads out of it."""

    path: Path

    @property
    def where(self) -> str:
        return str(self.path)

    def open(self, name: str) -> Bytes:
        return opened(self.path / name, f"{self.path} has no {name}")


@dataclass(frozen=True, slots=True)
class _Member:
    start: int
    size: int


class Archive:
    """A tar archive, compressed or not; what is compressed is unpacked once, to a nameless file."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._resources = ExitStack()
        try:
            self._file = self._resources.enter_context(_plain(path))
            self._members, self._links = _contents(self._file)
        except Unreadable as error:
            self._resources.close()
            raise ManifestInvalid(f"{path}: {error}") from error
        except BaseException:
            self._resources.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._resources.close()

    def open(self, name: str) -> Bytes:
        found = tar.clean(name)
        for _ in range(LINKS_AT_MOST):
            if found not in self._links:
                break
            found = self._links[found]
        member = self._members.get(found)
        if member is None:
            raise BlobUnknown(f"{self.where} has no {name}")
        return _Slice(self._file, member.start, member.size)


class _Slice:
    """A part of a file; several may be read at the same time."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._at, self._left = file, start, size

    def read(self, size: int = CHUNK, /) -> bytes:
        raw = os.pread(self._file.fileno(), min(size, self._left), self._at)
        self._at += len(raw)
        self._left -= len(raw)
        return raw

    def close(self) -> None:
        """The file is the archive's."""


class _Skipping:
    """The archive as the walk reads it: what it goes over is not read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._end = file.seek(0, os.SEEK_END)
        self.at = file.seek(0)

    def read(self, size: int) -> bytes:
        raw = self._file.read(size)
        self.at += len(raw)
        return raw

    def skip(self, size: int) -> bool:
        self.at = self._file.seek(self.at + size)
        return self.at <= self._end


def _contents(file: IO[bytes]) -> tuple[Mapping[str, _Member], Mapping[str, str]]:
    source = _Skipping(file)
    members: dict[str, _Member] = {}
    links: dict[str, str] = {}
    for count, entry in enumerate(tar.Walk(source)):
        if count >= ENTRIES_AT_MOST:
            raise Unreadable(f"it has more than {ENTRIES_AT_MOST} entries")
        if entry.kind is Kind.FILE and not entry.sparse:
            members[entry.path] = _Member(source.at, entry.size)
        elif entry.kind is Kind.HARD_LINK:
            links[entry.path] = entry.target
        elif entry.kind is Kind.LINK:  # as older versions of docker save write a layer that two images share
            links[entry.path] = tar.clean(posixpath.join(posixpath.dirname(entry.path), entry.target))
    return members, links


def _plain(path: Path) -> IO[bytes]:
    """The archive, uncompressed."""
    if not path.is_file():
        raise Refusal(f"{path} is no file")
    file = opened(path, f"{path} is no file")
    head = file.read(4)
    file.seek(0)
    if not unpacking.is_compressed(head):
        return file
    with file:
        return _unpacked(file)


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    plain = TemporaryFile()  # noqa: SIM115 - handed on to whoever asked
    try:
        source = unpacking.Unpacked(unpacking.chunks(file), Limits().unpacked)
        while chunk := source.read(CHUNK):
            plain.write(chunk)
    except BaseException:
        plain.close()
        raise
    return plain


def opened(path: Path, missing: str) -> IO[bytes]:
    """The file, opened. Raises BlobUnknown with ``missing``, and Refusal."""
    try:
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise BlobUnknown(missing) from error
    except OSError as error:
        raise Refusal(f"cannot read {path}: {error.strerror}") from error
