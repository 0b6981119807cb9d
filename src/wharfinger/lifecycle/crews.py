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
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import aclosing
from dataclasses import replace
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import IO

import msgspec
from sqlalchemy import Connection

from wharfinger.errors import Unavailable
from wharfinger.lifecycle import surveying
from wharfinger.lifecycle.surveying import Survey, Written
from wharfinger.meta import lifecycle_blobs
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.lifecycle_blobs import Sizes
from wharfinger.meta.lifecycle_facts import Repository

Batch = Sequence[Repository]

AT_MOST = 4
"""Processes: more would read the database faster than it is to be read beside other work."""
NICENESS = 10
UNTRACED = 200_000
"""Objects after which rings of them are looked for: rows and verdicts come by the million, and make none."""

_encoder = msgspec.msgpack.Encoder()
_lines = msgspec.msgpack.Decoder(list[Written])


async def lines(db: Database, survey: Survey, batches: AsyncIterable[Batch]) -> AsyncGenerator[Written, None]:
    """What :func:`surveying.lines` says of each batch, in the same order. Raises Unavailable when a process was killed.

    The sizes of all blobs are read once, into memory that all of them have together.
    """
    with os.fdopen(os.memfd_create("sizes of blobs"), "wb") as sizes:
        await db.read(_write_sizes, sizes)
        begin = (db.url, survey, Path(f"/proc/{os.getpid()}/fd/{sizes.fileno()}"))
        async with aclosing(_lines_by(begin, batches)) as found:
            async for line in found:
                yield line


def _write_sizes(tx: Connection, sizes: IO[bytes]) -> None:
    sizes.seek(0)  # a transaction may be run again
    sizes.truncate()
    lifecycle_blobs.write_sizes(tx, sizes)
    sizes.flush()


async def _lines_by(begin: tuple[str, Survey, Path], batches: AsyncIterable[Batch]) -> AsyncGenerator[Written, None]:
    loop, processes = asyncio.get_running_loop(), min(AT_MOST, len(os.sched_getaffinity(0)))
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin, begin)
    asked: deque[asyncio.Future[bytes]] = deque()
    try:
        async for batch in batches:
            asked.append(loop.run_in_executor(pool, _judge, batch))
            if len(asked) > processes:  # one more than are at work, so that nobody waits and little is kept
                for line in _lines.decode(await asked.popleft()):
                    yield line
        while asked:
            for line in _lines.decode(await asked.popleft()):
                yield line
    except BrokenProcessPool as error:
        raise Unavailable("a process that judged images was killed; nothing was changed") from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


# --- in such a process


class _Judge:
    """What one keeps from one batch to the next."""

    db: Database
    survey: Survey
    runner: asyncio.Runner


def _begin(url: str, survey: Survey, sizes: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of us; whoever began us says when to stop
    threading.Thread(target=_end_with_the_other, name="end", daemon=True).start()
    os.nice(NICENESS)
    gc.set_threshold(UNTRACED)
    _Judge.survey = replace(survey, sizes=Sizes.opened(sizes))
    _Judge.db, _Judge.runner = open_database(url), asyncio.Runner()


def _end_with_the_other() -> None:
    other = parent_process()
    assert other is not None
    connection.wait([other.sentinel])
    os._exit(1)


def _judge(batch: Batch) -> bytes:
    return _encoder.encode(_Judge.runner.run(_Judge.db.read(surveying.lines, batch, _Judge.survey)))
