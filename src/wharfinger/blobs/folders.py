"""Folders whose entries survive a power cut. Called from threads."""

import os
from pathlib import Path

from wharfinger.blobs.os_calls import OsCalls


class Folders:
    """Makes folders under a root, and knows which of them are certain to be on the disk."""

    def __init__(self, root: Path, calls: OsCalls) -> None:
        self._root = root
        self._calls = calls
        self._kept: set[Path] = set()

    def keep(self, folder: Path) -> None:
        """Make ``folder`` durable, with all above it. Only for folders that nobody ever removes: it is remembered."""
        if folder in self._kept:
            return
        if folder == self._root:
            self._keep_root(folder)
        else:
            self.keep_for_now(folder)
        self._kept.add(folder)

    def keep_for_now(self, folder: Path) -> None:
        """Make ``folder`` durable, with all above it, though it may be removed as soon as this returns."""
        self.keep(folder.parent)
        self._make(folder)
        # Also when it was there: whoever made it may not have come to this line yet, or may have died before it.
        self.sync(folder.parent)

    def sync(self, folder: Path) -> None:
        """Return when every entry that ``folder`` has now is on the disk."""
        descriptor = self._calls.open(str(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, 0)
        try:
            self._calls.fsync(descriptor)
        finally:
            self._calls.close(descriptor)

    def _keep_root(self, root: Path) -> None:
        # What is above the root is the operator's: it may not even be readable, so it is synced only if made here.
        if root.exists():
            return
        self._keep_root(root.parent)
        if self._make(root):
            self.sync(root.parent)

    def _make(self, folder: Path) -> bool:
        try:
            self._calls.mkdir(str(folder), 0o700)
        except FileExistsError:
            return False
        return True
