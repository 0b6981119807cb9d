"""A layer's bytes as they were before gzip or zstd, one bounded chunk after the other."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from io import RawIOBase
from typing import IO, BinaryIO, Protocol, cast

import zstandard
from isal import igzip_lib

from wharfinger.scanning.limits import MIB, Unreadable

_CHUNK = 256 * 1024
_GZIP, _ZSTD, _ZSTD_SKIPPABLE = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x2a\x4d\x18"
HEAD = 512
_TAR, _TAR_AT = b"ustar", 257
_LARGEST_WINDOW = 32 * MIB
_BROKEN = cast(type[Exception], igzip_lib.error)  # its stub says that it is an instance


class Stream(Protocol):
    """Where compressed bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Some bytes, none at the end."""


Unpacking = Callable[[Stream], AbstractContextManager[Iterator[bytes]]]
"""Who unpacks; of a stream that was left, nothing is read any more."""


class Unpacked:
    """Reads on from where it is. Raises Unreadable where the compression is broken, or it is more than ``most``."""

    def __init__(self, chunks: Iterator[bytes], most: int, tick: Callable[[], None] = lambda: None) -> None:
        """``tick`` is called with every chunk, and may raise."""
        self._chunks = chunks
        self._chunk, self._at = b"", 0
        self._most, self._tick = most, tick
        self.position = 0

    def read(self, size: int) -> bytes:
        """So many bytes; fewer where it ends before."""
        end = self._at + size
        if end <= len(self._chunk):  # the usual case, without a copy more than needed
            raw = self._chunk[self._at : end]
            self._at = end
            self.position += size
            return raw
        return b"".join(self.pieces(size))

    def skip(self, size: int) -> bool:
        """Go over so many bytes; whether there were that many."""
        end = self._at + size
        if end <= len(self._chunk):
            self._at = end
            self.position += size
            return True
        return sum(map(len, self.pieces(size))) == size

    def pieces(self, size: int) -> Iterator[bytes]:
        """So many bytes, in pieces that are never large; fewer where it ends before."""
        while size > 0 and (self._at < len(self._chunk) or self._next()):
            piece = self._chunk[self._at : self._at + size] if self._at or size < len(self._chunk) else self._chunk
            self._at += len(piece)
            size -= len(piece)
            self.position += len(piece)
            yield piece

    def drain(self) -> None:
        """Go to the end, where the compression says whether all of it was right."""
        while self._next():
            self.position += len(self._chunk)

    def _next(self) -> bool:
        self._tick()
        self._chunk, self._at = next(self._chunks, b""), 0
        if self.position + len(self._chunk) > self._most:
            raise Unreadable(f"unpacked it is more than {self._most} bytes")
        return bool(self._chunk)


def is_compressed(head: bytes) -> bool:
    """Whether what begins so is unpacked by ``chunks``."""
    return head.startswith((_GZIP, _ZSTD)) or head[1:4] == _ZSTD_SKIPPABLE


def is_layer(head: bytes) -> bool:
    """Whether what begins so, with ``HEAD`` bytes where it has them, may be a layer: compressed, or an archive."""
    return is_compressed(head) or head[_TAR_AT:].startswith(_TAR)


def chunks(stream: Stream | BinaryIO) -> Iterator[bytes]:
    """The bytes, unpacked by what they are, whatever the media type says: manifests are sometimes wrong about it."""
    first = stream.read(_CHUNK)
    while 0 < len(first) < 4:
        more = stream.read(_CHUNK)
        if not more:
            break
        first += more
    if first.startswith(_GZIP):
        return _gzip(first, stream)
    if first.startswith(_ZSTD) or first[1:4] == _ZSTD_SKIPPABLE:
        return _zstd(first, stream)
    return _plain(first, stream)


def here(stream: Stream) -> AbstractContextManager[Iterator[bytes]]:
    """Unpacked by whoever asks for more."""
    return nullcontext(chunks(stream))


def _plain(first: bytes, stream: Stream | BinaryIO) -> Iterator[bytes]:
    while first:
        yield first
        first = stream.read(_CHUNK)


def _gzip(first: bytes, stream: Stream | BinaryIO) -> Iterator[bytes]:
    """One member after the other; what follows the last and is none is left, as gzip does."""
    member, raw = _member(), first
    while True:
        try:
            chunk = member.decompress(raw, _CHUNK)
        except (_BROKEN, EOFError) as error:
            raise Unreadable(f"gzip: {error}") from error
        if chunk:
            yield chunk
        if member.eof:
            raw = member.unused_data or stream.read(_CHUNK)
            if not raw.startswith(_GZIP[: len(raw)]) or not raw:
                return
            member = _member()
        elif member.needs_input:
            raw = stream.read(_CHUNK)
            if not raw:
                raise Unreadable("gzip: it ends in the middle")
        else:
            raw = b""


def _member() -> igzip_lib.IgzipDecompressor:
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


class _Prepended(RawIOBase):
    """A stream with what was read of it already."""

    def __init__(self, first: bytes, stream: Stream | BinaryIO) -> None:
        self._first, self._stream = first, stream

    def read(self, size: int = _CHUNK, /) -> bytes:
        first, self._first = self._first, b""
        return first or self._stream.read(size)


def _zstd(first: bytes, stream: Stream | BinaryIO) -> Iterator[bytes]:
    """Frame after frame. A window larger than memory allows is refused: ordinary layers have 8 MiB at most."""
    unpacker = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
    reader = unpacker.stream_reader(cast(IO[bytes], _Prepended(first, stream)), read_across_frames=True)
    while True:
        try:
            chunk = reader.read(_CHUNK)
        except zstandard.ZstdError as error:
            raise Unreadable(f"zstd: {error}") from error
        if not chunk:
            return
        yield chunk
