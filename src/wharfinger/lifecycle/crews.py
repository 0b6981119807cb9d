"""Judges many repositories in processes of their own: on every core, and not in the one that serves requests.

They are begun anew, for a process that has threads cannot be forked; they are nice, so that who pushes comes first;
and they end when whoever began them does, however that ends.
"""

import asyncio
import gc
import os
import signal
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

import msgspec

from wharfinger.errors import Unavailable
from wharfinger.lifecycle import surveying
from wharfinger.lifecycle.freeing import Shared
from wharfinger.lifecycle.surveying import Survey, Written
from wharfinger.meta import lifecycle_blobs
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.lifecycle_blobs import Span
from wharfinger.meta.lifecycle_facts import Repository
from wharfinger.spec.needs import Key

Batch = Sequence[Repository]

AT_MOST = 4
"""Processes: more would read the database faster than it is to be read beside other work."""
BATCHES_AHEAD = 20
IMAGES_AHEAD = 150_000
"""How much the others go on with while one is at a large repository, whose line comes first; more are asked at most so
that nobody waits: two more than are at work."""
NICENESS = 19
"""Whoever pushes comes first: beside one that has none, such a process gets a seventieth of a core."""
UNTRACED = 200_000
"""Objects after which rings of them are looked for: rows and verdicts come by the million, and make none."""

_encoder = msgspec.msgpack.Encoder()
_blobs = msgspec.msgpack.Decoder(dict[Key, tuple[int, int]])
_lines = msgspec.msgpack.Decoder(list[Written])


@dataclass(frozen=True, slots=True)
class Judges:
    """Whoever judges. ``lines`` are what :func:`surveying.lines` says of each batch, in the same order."""

    shared: Shared
    """The blobs that several repositories have."""
    lines: Callable[[AsyncIterable[Batch]], AsyncGenerator[Written, None]]


@asynccontextmanager
async def here(db: Database, survey: Survey) -> AsyncIterator[Judges]:
    """The process that asks, for a few images."""
    whole = replace(survey, shared=await db.read(lifecycle_blobs.shared) if survey.policies else {})

    async def lines(batches: AsyncIterable[Batch]) -> AsyncGenerator[Written, None]:
        async for batch in batches:
            for line in await db.read(surveying.lines, batch, whole):
                yield line

    yield Judges(whole.shared, lines)


@asynccontextmanager
async def others(db: Database, survey: Survey) -> AsyncIterator[Judges]:
    """Processes of their own, which end with this. Raises Unavailable when one was killed."""
    processes = min(AT_MOST, len(os.sched_getaffinity(0)))
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin, (db.url, survey))
    try:
        with os.fdopen(os.memfd_create("blobs that several have"), "wb") as file:
            shared = await _shared(pool)
            file.write(_encoder.encode(shared))
            file.flush()
            path = Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
            yield Judges(shared, partial(_lines_by, pool, processes, path))
    except BrokenProcessPool as error:
        raise Unavailable("a process that judged images was killed; nothing was changed") from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


async def _shared(pool: ProcessPoolExecutor) -> Shared:
    loop = asyncio.get_running_loop()
    parts = await asyncio.gather(*(loop.run_in_executor(pool, _share, span) for span in lifecycle_blobs.SPANS))
    return {blob: found for part in parts for blob, found in part.items()}


async def _lines_by(
    pool: ProcessPoolExecutor, processes: int, shared: Path, batches: AsyncIterable[Batch]
) -> AsyncGenerator[Written, None]:
    loop = asyncio.get_running_loop()
    asked: deque[asyncio.Future[bytes]] = deque()
    images: deque[int] = deque()
    async for batch in batches:
        asked.append(loop.run_in_executor(pool, _judge, batch, shared))
        images.append(sum(each.images for each in batch))
        while len(asked) > processes + 1 and (len(asked) > BATCHES_AHEAD or sum(images) > IMAGES_AHEAD):
            images.popleft()
            for line in _lines.decode(await asked.popleft()):
                yield line
    while asked:
        for line in _lines.decode(await asked.popleft()):
            yield line


# --- in such a process


class _Judge:
    """What one keeps from one batch to the next."""

    db: Database
    survey: Survey
    runner: asyncio.Runner
    shared: Shared | None = None


def _begin(url: str, survey: Survey) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of us; whoever began us says when to stop
    threading.Thread(target=_end_with_the_other, name="end", daemon=True).start()
    os.nice(NICENESS)
    gc.set_threshold(UNTRACED)
    _Judge.db, _Judge.survey, _Judge.runner = open_database(url), survey, asyncio.Runner()


def _end_with_the_other() -> None:
    other = parent_process()
    assert other is not None
    connection.wait([other.sentinel])
    os._exit(1)


def _share(within: Span) -> dict[Key, tuple[int, int]]:
    return _Judge.runner.run(_Judge.db.read(lifecycle_blobs.shared, within))


def _judge(batch: Batch, shared: Path) -> bytes:
    if _Judge.shared is None:
        _Judge.shared = _blobs.decode(shared.read_bytes())
        _Judge.survey = replace(_Judge.survey, shared=_Judge.shared)
    return _encoder.encode(_Judge.runner.run(_Judge.db.read(surveying.lines, batch, _Judge.survey)))
