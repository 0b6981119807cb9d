"""What a worker does now and then beside its requests: handing over what it gathered in memory."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from wharfinger.errors import Refusal

_log = structlog.get_logger("wharfinger.repeated")


class Repeated:
    """Calls ``hand_over`` every so many seconds, and once more at the end. What fails is tried again the next time."""

    def __init__(self, name: str, hand_over: Callable[[], Awaitable[object]], *, every: float) -> None:
        self._name = name
        self._hand_over = hand_over
        self._every = every
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin, in the running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End, after a last time; safe to repeat."""
        self._ending.set()
        if self._task is not None:
            await self._task
            self._task = None
            await self._once()

    async def _run(self) -> None:
        while not self._ending.is_set():
            try:
                await asyncio.wait_for(self._ending.wait(), self._every)
            except TimeoutError:
                await self._once()

    async def _once(self) -> None:
        try:
            await self._hand_over()
        except Refusal as refusal:
            _log.warning("not handed over", what=self._name, code=refusal.code, message=refusal.message)
        except Exception:  # noqa: BLE001 - a mistake in this must not end the worker's stop half-way, nor this task
            _log.exception("not handed over", what=self._name)
