"""The operating system's calls that the filesystem store makes, as values, so that a test can stand in for them."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OsCalls:
    """Each has the meaning that the function of this name in ``os`` has."""

    open: Callable[[str, int, int], int] = os.open
    close: Callable[[int], None] = os.close
    writev: Callable[[int, Sequence[bytes | memoryview]], int] = os.writev
    pread: Callable[[int, int, int], bytes] = os.pread
    preadv: Callable[[int, Sequence[bytearray], int, int], int] = os.preadv
    fsync: Callable[[int], None] = os.fsync
    fdatasync: Callable[[int], None] = os.fdatasync
    rename: Callable[[str, str], None] = os.rename
    unlink: Callable[[str], None] = os.unlink
    mkdir: Callable[[str, int], None] = os.mkdir
    rmdir: Callable[[str], None] = os.rmdir
    statvfs: Callable[[str], os.statvfs_result] = os.statvfs


REAL = OsCalls()
