"""Folders whose entries survive a power cut. Called from threads."""

import os
from contextlib import suppress
from pathlib import Path

from wharfinger.blobs.os_calls import OsCalls


class Folders:
    """Makes a root and folders in it, and knows which of them are certain to be on the disk."""

    def __init__(self, root: Path, calls: OsCalls) -> None:
        self._root = root
        self._calls = calls
        self._kept: set[Path] = set()

    def keep(self, folder: Path) -> None:
        """Make ``folder`` durable, with all up to the root; remembered, so only for what nobody ever removes."""
        if folder in self._kept:
            return
        self.keep_for_now(folder)
        self._kept.add(folder)

    def keep_for_now(self, folder: Path) -> None:
        """Make ``folder`` durable, with all up to the root, though it may be removed as soon as this returns."""
        if folder != self._root:
            self.keep(folder.parent)
        with suppress(FileExistsError):
            self._calls.mkdir(str(folder), 0o700)
        # Also when it was there: whoever made it may not have come to this line yet, or may have died before it.
        self._sync_entry_of(folder)

    def sync(self, folder: Path) -> None:
        """Return when every entry that ``folder`` has now is on the disk."""
        descriptor = self._calls.open(str(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, 0)
        try:
            self._calls.fsync(descriptor)
        finally:
            self._calls.close(descriptor)

    def _sync_entry_of(self, folder: Path) -> None:
        try:
            self.sync(folder.parent)
        except PermissionError:
            # The folder above the root may be one that only the operator reads: then the operator has made the root.
            if folder != self._root:
                raise
