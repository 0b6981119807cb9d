"""What notes promise wherever they are kept. A test class inherits it and says with a fixture where that is."""

import asyncio

import pytest

from wharfinger.blobs.notes import Notes
from wharfinger.errors import BlobUnknown


class NotesContract:
    """Every promise of ``Notes``."""

    @pytest.fixture
    def notes(self) -> Notes:
        raise NotImplementedError

    async def test_there_are_none_at_first(self, notes: Notes) -> None:
        assert await notes.names() == []
        with pytest.raises(BlobUnknown):
            await notes.read("segment-1")
        await notes.remove("segment-1")

    @pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 20_000], ids=["none", "little", "much"])
    async def test_what_was_kept_is_read(self, notes: Notes, content: bytes) -> None:
        await notes.keep("segment-1", content)
        assert await notes.read("segment-1") == content

    async def test_what_is_kept_again_replaces_what_was_there(self, notes: Notes) -> None:
        await notes.keep("a", b"longer than what comes")
        await notes.keep("a", b"short")
        assert await notes.read("a") == b"short"
        assert await notes.names() == ["a"]

    async def test_names_are_in_byte_order_and_all_of_them(self, notes: Notes) -> None:
        wanted = [f"segment-{number:012}" for number in range(1200)]
        await asyncio.gather(*(notes.keep(name, b"") for name in reversed(wanted)))
        assert await notes.names() == wanted

    async def test_what_is_removed_is_gone_and_nothing_else(self, notes: Notes) -> None:
        for name in ("segment-1", "segment-10", "segment-2"):
            await notes.keep(name, b"x")
        for _ in range(2):
            await notes.remove("segment-1")
        assert await notes.names() == ["segment-10", "segment-2"]

    @pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "A", "a.b", "a-", "-a", "a\n", "ä"])
    async def test_what_is_no_name_is_refused(self, notes: Notes, name: str) -> None:
        for call in (notes.keep(name, b""), notes.read(name), notes.remove(name)):
            with pytest.raises(ValueError):
                await call
