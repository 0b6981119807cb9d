"""Many files are deleted at once, and what becomes of one is nothing to the others."""

import errno
from dataclasses import replace
from pathlib import Path

from tests.blobs.test_filesystem import files
from tests.contracts.blob_store import DIGEST, stored
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.blobs.os_calls import REAL
from wharfinger.errors import Unavailable


async def test_a_file_that_cannot_be_deleted_and_one_that_is_not_are_told_and_the_others_gone(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path)
    sealed = {await store.seal(await stored(store, b"content"), DIGEST): DIGEST for _ in range(9)}
    bad, lying = list(sealed)[3:5]

    def unlink(path: str) -> None:
        if path.endswith(bad):
            raise OSError(errno.EACCES, "no")
        if not path.endswith(lying):
            REAL.unlink(path)

    broken = FilesystemStore(tmp_path, os_calls=replace(REAL, unlink=unlink))
    left = await broken.delete_many(sealed)
    assert {location: type(why) for location, why in left.items()} == {bad: Unavailable, lying: Unavailable}
    assert [await store.size(location) is None for location in sealed] == [at not in (bad, lying) for at in sealed]
    assert await store.delete_many(sealed) == {}
    assert files(tmp_path) == []
    for opened in (store, broken):
        await opened.close()
