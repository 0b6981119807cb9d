"""Layers that are read while they are being pushed, so that a verdict need not wait until all of that is done.

Where the bytes lie in files, those of an upload that begins like a layer are given to a reading process as they come.
What is read counts only when the upload has become a blob and the bytes that were read have its digest. Whatever else
happens (the upload is cancelled or breaks off, a process is killed), the layer is read as every other is.
"""

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import structlog

from wharfinger.blobs.arriving import Arriving, ArrivingFile, name_of
from wharfinger.errors import Refusal
from wharfinger.scanning.confining import Readers
from wharfinger.scanning.frames import CHUNK
from wharfinger.scanning.layers import LayerCatalogue
from wharfinger.scanning.limits import Unreadable
from wharfinger.scanning.packages import Problem
from wharfinger.scanning.sources import unreadable
from wharfinger.scanning.unpacking import HEAD, is_layer
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

AHEAD_FROM = 1 << 20
"""Bytes; what is smaller is read in no time when its image is."""
AT_ONCE = 3
"""Uploads that are read while they come; others are read when they are there."""
QUIET = 10.0
"""Seconds after which an upload of which nothing comes any more is left, for another one to be read."""
LOOK_EVERY = 0.05
_WAIT = 0.01
_ALGORITHM = "sha256"

_log = structlog.get_logger("wharfinger.scanning")


class Following:
    """Looks for uploads, and has a few of them read. Each is looked at until it is clear what it is, and no longer."""

    def __init__(
        self,
        arriving: Arriving,
        readers: Readers,
        *,
        at_once: int = AT_ONCE,
        quiet: float = QUIET,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._arriving = arriving
        self._readers = readers
        self._at_once = at_once
        self._quiet = quiet
        self._now = now
        self._threads = ThreadPoolExecutor(at_once, "wharf-follow")
        self._settled: frozenset[str] = frozenset()
        self._is_clear = False
        """Whether it is clear of all that was there what it is."""
        self._uploads: dict[str, tuple[Upload, asyncio.Future[LayerCatalogue | None]]] = {}

    async def run(self) -> None:
        """Look for more until cancelled; then let go of all."""
        try:
            while True:
                await self._look_or_tell()
                await asyncio.sleep(LOOK_EVERY)
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of all that is being read."""
        for upload, _ in self._uploads.values():
            upload.give_up()
        await asyncio.to_thread(self._threads.shutdown)

    async def _look_or_tell(self) -> None:
        try:
            await self.look()
        except Refusal as refusal:  # the disk has its troubles
            _log.warning("nothing is read while it comes", code=refusal.code, message=refusal.message)

    async def look(self) -> int:
        """Begin with what has come, as far as there is room for it; how many are being read now."""
        room = self._at_once - len(self._uploads)
        if room > 0 and not (self._is_clear and self._arriving.are_as_before()):
            for name, file in await asyncio.to_thread(self._new, room):
                self._begin(name, Upload(file, self._quiet, self._now))
        return len(self._uploads)

    async def finish(self, location: Location, digest: Digest, size: int) -> LayerCatalogue | None:
        """What the layer says that has arrived at ``location``; None where it was not read while it came."""
        if (found := self._uploads.get(name_of(location))) is None:
            return None
        upload, reading = found
        upload.became(digest, size)
        catalogue = await asyncio.shield(reading)
        return None if catalogue is None or catalogue.problems else replace(catalogue, layer=digest)

    def _new(self, most: int) -> list[tuple[str, ArrivingFile]]:
        names = self._arriving.names()
        self._settled &= names
        found: list[tuple[str, ArrivingFile]] = []
        for name in sorted(names - self._settled):
            file = self._arriving.open(name) if len(found) < most else None
            if file is None or (file.size() < AHEAD_FROM and file.quiet_for() < self._quiet):
                continue  # it is gone, or too little of it has come, or there is no room
            self._settled |= {name}
            if file.quiet_for() < self._quiet and is_layer(file.read(HEAD, 0)):
                found.append((name, file))
        self._is_clear = names <= self._settled
        return found

    def _begin(self, name: str, upload: "Upload") -> None:
        reading = asyncio.get_running_loop().run_in_executor(self._threads, self._read, upload)
        self._uploads[name] = upload, reading
        reading.add_done_callback(lambda _: self._uploads.pop(name))

    def _read(self, upload: "Upload") -> LayerCatalogue | None:
        """None where the system has no process for it now."""
        with suppress(OSError), self._readers.reader() as reader:
            reader.step_back()
            return reader.read(upload)
        return None


class Upload:
    """The bytes of an upload, each as soon as it is there, until it is known what has become of it."""

    digest = ""
    """Not known before the end."""

    def __init__(self, file: ArrivingFile, quiet: float, now: Callable[[], float]) -> None:
        self._file = file
        self._quiet = quiet
        self._now = now
        self._known = threading.Event()
        self._became: tuple[Digest, int] | None = None
        self._given_up = False

    def verified(self) -> "_Hashed":
        """From their beginning."""
        return _Hashed(self)

    def became(self, digest: Digest, size: int) -> None:
        """It is a blob: no more will come."""
        self._became = digest, size
        self._known.set()

    def give_up(self) -> None:
        """Nobody wants to know any more what it says."""
        self._given_up = True
        self._known.set()

    def piece(self, start: int) -> bytes:
        """Some bytes from ``start`` on, waited for; none at the end. Raises Unreadable where there will be no end."""
        since = self._now()
        while not self._given_up:
            is_known = self._known.is_set()  # asked first: what came before that is there when it is read
            with unreadable():
                if piece := self._file.read(CHUNK, start):
                    return piece
                if is_known or self._file.is_removed() or self._now() - since > self._quiet:
                    break
            self._known.wait(_WAIT)
        if self._became is None or self._became[1] != start:
            raise Unreadable("it was left before its end")
        return b""

    def is_what_it_became(self, digest: str) -> bool:
        """Whether bytes of this digest, all that there were, are the blob that it is now."""
        return self._became is not None and self._became[0] == digest


class _Hashed:
    """One reading of an upload, hashed on the way."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._hash, self._at, self._ended = hashlib.new(_ALGORITHM), 0, False
        self.problems: tuple[Problem, ...] = ()

    def read(self, _size: int = CHUNK, /) -> bytes:
        """Some bytes, none at the end."""
        self._ended = True  # also where the next line raises
        piece = self._upload.piece(self._at)
        self._ended = not piece
        self._hash.update(piece)
        self._at += len(piece)
        return piece

    def close(self) -> None:
        """Read to the end, which says what the digest must be."""
        while not self._ended:
            self.read()
        if not self._upload.is_what_it_became(f"{_ALGORITHM}:{self._hash.hexdigest()}"):
            self.problems = (Problem("", "", "these bytes are not those of the blob"),)
