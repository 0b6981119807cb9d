"""One file being written and one being read, as the filesystem store's threads see them."""

import errno
import os
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path
from threading import Lock

from wharfinger.blobs.os_calls import OsCalls

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC

RWF_NOWAIT = getattr(os, "RWF_NOWAIT", 0x8)
# EAGAIN: not in the page cache. The others: this filesystem, or kernel, cannot tell.
_WOULD_WAIT = frozenset({errno.EAGAIN, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})

FLUSH = 16 * 1024 * 1024
"""How often the disk is set to work while the body still arrives: 0.5 GB/s instead of 0.4 for 200 MB, and no large
file piles up in memory to be written at its end, while every other sync waits."""


class NewFile:
    """A file that is either kept or discarded.

    A caller that is cancelled leaves behind the call that a thread is just making. So each call holds the lock, which
    lets ``discard`` wait for it, and a call that comes after ``discard`` does nothing.
    """

    def __init__(self, path: Path, calls: OsCalls, flusher: Executor) -> None:
        self._path = str(path)
        self._calls = calls
        self._flusher = flusher
        self._lock = Lock()
        self._descriptor: int | None = None
        self._created = False
        self._discarded = False
        self._unflushed = 0
        self._flushing: Future[None] | None = None

    def create(self) -> None:
        """Make the file, which must not exist."""
        with self._lock:
            if not self._discarded:
                self._descriptor = self._calls.open(self._path, _CREATE, 0o600)
                self._created = True

    def append(self, chunks: Sequence[bytes]) -> None:
        """Write ``chunks``, at most IOV_MAX of them, at the end."""
        with self._lock:
            if self._descriptor is not None:
                self._write(self._descriptor, chunks)
                self._flush(self._descriptor, sum(map(len, chunks)))

    def _write(self, descriptor: int, chunks: Sequence[bytes]) -> None:
        written = self._calls.writev(descriptor, chunks)
        if written < sum(map(len, chunks)):
            # A disk that fills up takes part of a write, and says why only when it is asked for the rest.
            rest = memoryview(b"".join(chunks))[written:]
            while rest:
                rest = rest[self._calls.writev(descriptor, [rest]) :]

    def _flush(self, descriptor: int, size: int) -> None:
        self._unflushed += size
        if self._unflushed >= FLUSH:
            self._unflushed = 0
            self._flushed()
            self._flushing = self._flusher.submit(self._calls.fdatasync, descriptor)

    def _flushed(self) -> None:
        # The kernel tells of a failed write once: a sync that comes after it would succeed.
        if self._flushing is not None:
            self._flushing.result()

    def keep(self) -> None:
        """Return when the content is on the disk; the name is the folder's, which is synced by itself."""
        with self._lock:
            if self._descriptor is not None:
                self._flushed()
                self._calls.fsync(self._descriptor)
                self._close()

    def discard(self) -> None:
        """Leave nothing of the file, whether it was kept or not. Does not fail: what stays is only garbage."""
        with self._lock:
            self._discarded = True
            with suppress(OSError):
                self._close()
            if self._created:
                with suppress(OSError):
                    self._calls.unlink(self._path)

    def _close(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            self._calls.close(descriptor)


class OpenFile:
    """A file that is closed when the last one lets go of it.

    Nobody else could: a reader that is cancelled or forgotten cannot tell whether a thread is still reading.
    """

    _descriptor = -1

    def __init__(self, path: Path, calls: OsCalls) -> None:
        self._calls = calls
        self._descriptor = calls.open(str(path), _READ, 0)

    def read(self, size: int, offset: int) -> bytes:
        """At most ``size`` bytes from ``offset`` on; none at the end of the file."""
        return self._calls.pread(self._descriptor, size, offset)

    def read_cached(self, size: int, offset: int) -> bytes | None:
        """The same without ever waiting for the disk: None where that could not be promised."""
        buffer = bytearray(size)
        try:
            count = self._calls.preadv(self._descriptor, [buffer], offset, RWF_NOWAIT)
        except OSError as error:
            if error.errno in _WOULD_WAIT:
                return None
            raise
        return bytes(buffer) if count == size else None

    def status(self) -> os.stat_result:
        """What the system says of the file."""
        return os.fstat(self._descriptor)

    def __del__(self) -> None:
        if self._descriptor >= 0:
            self._calls.close(self._descriptor)
