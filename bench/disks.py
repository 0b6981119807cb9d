"""Where a registry keeps its bytes, for the benchmark to reach behind its back: to seed it, and to give disk back."""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import obstore
from obstore.store import S3Store

from tests.kit.parts.stores import S3

LARGE = 1024 * 1024
AT_ONCE = 32


class Disk(Protocol):
    """What is kept under names."""

    def repeat(self, folder: str, files: Sequence[str], copies: Iterable[str]) -> None:
        """Let each of the folders ``copies`` have what ``folder`` has, which is ``files``."""
        ...

    def forget_large(self) -> None:
        """Remove everything above a megabyte. The registry has then lost bytes: nothing may ask for them again."""
        ...


@dataclass(frozen=True)
class Files:
    """A folder."""

    root: Path

    def repeat(self, folder: str, files: Sequence[str], copies: Iterable[str]) -> None:
        assert all((self.root / folder / file).is_file() for file in files)
        # As symbolic links: whoever lists and reads sees the same, and removing them does not take minutes.
        for copy in (self.root / name for name in copies):
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.symlink_to(self.root / folder)

    def forget_large(self) -> None:
        for folder, _, names in os.walk(self.root):
            for path in (Path(folder, name) for name in names if not name.startswith("wharf.db")):
                if path.lstat().st_size > LARGE:
                    path.unlink()


@dataclass(frozen=True)
class Bucket:
    """A bucket in an object store."""

    store: S3

    def repeat(self, folder: str, files: Sequence[str], copies: Iterable[str]) -> None:
        bucket = S3Store(**self.store.obstore())
        contents = {file: bytes(obstore.get(bucket, f"{folder}/{file}").bytes()) for file in files}
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for copy in copies:
                for done in [threads.submit(obstore.put, bucket, f"{copy}/{file}", contents[file]) for file in files]:
                    done.result()

    def forget_large(self) -> None:
        bucket = S3Store(**self.store.obstore())
        for page in obstore.list(bucket):
            large = [entry["path"] for entry in page if entry["size"] > LARGE]
            if large:
                obstore.delete(bucket, large)
