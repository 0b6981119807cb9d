"""``wharf fsck``: what it says, what it does and how it ends, over a damaged folder and beside another registry."""

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.server import Result, Server, Wharf
from tests.conftest import Registry
from tests.contracts.blob_store import stored
from tests.kit.images import image
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.spec import digest as digests

APP = image(layers=[b"a layer of these tests" * 100], seed=61)
LAYER = next(digest for digest, content in APP.blobs.items() if content.startswith(b"a layer"))
STRANGER = b"nobody knows me"


@pytest.fixture
def database_url(migrated_file: Path, tmp_path: Path) -> str:
    """Where the command looks for it in the data folder."""
    shutil.copy(migrated_file, tmp_path / "wharf.db")
    return f"sqlite:///{tmp_path}/wharf.db"


@dataclass
class Checked:
    """A folder with a registry in it, and the command that looks at it."""

    wharf: Wharf
    root: Path

    async def __call__(self, *words: str, stdin: str = "") -> Result:
        words = ("fsck", "--data", str(self.root), *words)
        return await asyncio.to_thread(lambda: self.wharf(*words, stdin=stdin))

    async def orphan(self) -> Path:
        """Bytes that the database does not know."""
        store = FilesystemStore(self.root)
        try:
            return self.root / await store.seal(await stored(store, STRANGER), digests.of(STRANGER))
        finally:
            await store.close()

    def file(self) -> Path:
        """Where the layer is."""
        encoded = digests.encoded(LAYER)
        (path,) = (self.root / "blobs" / "sha256" / encoded[:2] / encoded).iterdir()
        return path


def two_hours_old(path: Path) -> None:
    """As if it had been written, or put there, then."""
    then = path.stat().st_mtime - 7200
    os.utime(path, (then, then))


@pytest.fixture
async def checked(registry: Registry, stranger: Wharf, tmp_path: Path) -> Checked:
    await registry.client.push_image("fsck/app", APP, "1")
    return Checked(stranger, tmp_path)


async def test_of_a_sound_registry_it_says_so(checked: Checked) -> None:
    result = await checked()
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines()[0].startswith("Blobs in the database: 2. In the store: 2 (")
    assert result.out.splitlines()[-1] == "Nothing is wrong."
    unread = await checked("--no-hash", "--json")
    assert (unread.status, unread.json["hashed"], unread.json["findings"]) == (0, 0, [])


async def test_unknown_bytes_are_told_put_aside_put_back_and_thrown_away(checked: Checked) -> None:
    path = await checked.orphan()
    young = await checked()
    assert (young.status, "too young to be judged: 1" in young.out) == (0, True)
    two_hours_old(path)
    assert "too young" in (await checked("--min-age", "3h")).out
    found = await checked("--min-age", "1h")
    assert found.status == 1
    assert f"orphan: {digests.of(STRANGER)} {path.relative_to(checked.root)}" in found.out
    assert found.out.endswith("1 of these need somebody.\n")
    assert path.exists()
    moved = await checked("--min-age", "1h", "--quarantine", "--json")
    assert (moved.status, moved.json["left"], moved.json["aside"]) == (0, 0, 1)
    ((finding),) = moved.json["findings"]
    assert (finding["what"], finding["digest"], finding["done"]) == ("orphan", digests.of(STRANGER), "put aside")
    assert not path.exists()
    back = await checked("--put-back")
    assert (back.status, "Put back: 1." in back.out, path.read_bytes()) == (0, True, STRANGER)
    two_hours_old(path)
    await checked("--min-age", "1h", "--quarantine")
    assert (await checked("--throw-away-after", "1h")).out.endswith("In quarantine: 1.\nNothing is wrong.\n")
    two_hours_old(checked.root / "quarantine" / path.relative_to(checked.root))
    gone = await checked("--throw-away-after", "1h")
    assert (gone.status, "Deleted from quarantine: 1." in gone.out) == (0, True)
    assert "Put back" not in (await checked("--put-back")).out


async def test_bad_bytes_are_replaced_by_those_of_another_registry_and_nobody_is_let_in_without_a_password(
    checked: Checked, server: Server
) -> None:
    good = checked.file().read_bytes()
    checked.file().write_bytes(b"\x00" + good[1:])
    found = await checked()
    assert (found.status, f"corrupt: {LAYER}" in found.out, "in fsck/app" in found.out) == (1, True, True)
    other = ("--repair", "--again", "--from", server.url)
    assert (await checked(*other)).status == 1  # it has no such repository, and answers nobody
    await asyncio.to_thread(server.push, "fsck/app", APP, "1")
    assert (await checked(*other)).status == 1
    mended = await checked(*other, "--username", "admin", "--json", stdin=f"{server.password}\n")
    assert (mended.status, [each["done"] for each in mended.json["findings"]]) == (0, ["replaced from source 1"])
    assert checked.file().read_bytes() == good
    assert (await checked("--again")).out.endswith("Nothing is wrong.\n")


async def test_what_cannot_be_asked_is_refused_before_anything_is_looked_at(checked: Checked, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    for words, said in (
        (("--budget", "fast"), "'fast'"),
        (("--min-age", "old"), "'old'"),
        (("--repair", "--from", nowhere), f"{nowhere} is no copy of a registry's folder"),
    ):
        result = await checked(*words)
        assert (result.status, result.out) == (1, ""), words
        assert said in result.err
    missing = Checked(checked.wharf, tmp_path / "nowhere")
    assert "nowhere" in (await missing()).err
    assert not missing.root.exists()
