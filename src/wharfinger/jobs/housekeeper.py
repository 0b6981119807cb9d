"""What is done without being asked: small sweeps, each safe to run twice and on two nodes at once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from wharfinger.errors import Refusal

MINUTE = 60.0

_log = structlog.get_logger("wharfinger.housekeeping")

Sweep = Callable[[], Awaitable[int]]


async def run(sweeps: Mapping[str, Sweep], *, every: float) -> None:
    """Run each of ``sweeps`` until it finds nothing more, again after ``every`` seconds, until cancelled."""
    while True:
        for name, sweep in sweeps.items():
            await _exhaust(name, sweep)
        await asyncio.sleep(every)


async def _exhaust(name: str, sweep: Sweep) -> None:
    try:
        while swept := await sweep():
            _log.info("swept", what=name, count=swept)
    except Refusal as refusal:
        # The store or the database is away: what was not swept is found again next time.
        _log.warning("not swept", what=name, code=refusal.code, message=refusal.message)
