"""The process behind ``wharf serve``: prepares once, then keeps workers and housekeeping running until told to stop.

    wharf serve ──┬── prepare        once, before the others
                  ├── worker 1 … n   share the port; one that dies is replaced
                  └── housekeeping   one that dies is replaced

It holds no connection, no database and no bytes, so there is nothing in it that could fail; and should it be killed,
its children are killed by the kernel (``child.die_with``).
"""

import asyncio
import os
import pickle
import shutil
import signal
import sys
import time
from asyncio.subprocess import Process
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from wharfinger.config import Settings
from wharfinger.serving import listen
from wharfinger.serving.roles import Order, Role

APPLICATION = "wharfinger.app"
FIRST_DELAY, LAST_DELAY = 0.2, 30.0
GRACE_TO_EXIT = 5.0
"""How much longer than the grace for transfers a process has before it is killed."""
HOPELESS = 5
"""Deaths of a worker in a row after which we give up, unless one of them has been serving."""
STEADY = 10.0
"""Seconds that a process must live for its death to count as the first."""

_log = structlog.get_logger("wharfinger.supervisor")


def serve(settings: Settings, application: str = APPLICATION) -> int:
    """Serve until a signal says stop; the exit status. Raises ConfigError when the address cannot be had."""
    host = listen.resolve(settings.listen)
    listen.require_free(host, settings.listen)
    return asyncio.run(Supervisor(settings, application, host).run())


@dataclass
class Supervisor:
    """Starts the processes, watches them and stops them."""

    settings: Settings
    application: str
    host: str
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _children: set[Process] = field(default_factory=set)
    _listening: bool = False
    _failed: bool = False

    async def run(self) -> int:
        """All of it; the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._signalled)
        if await self._once(Role.PREPARE) != 0:
            return 0 if self._stopping.is_set() else 1
        # A heap for every thread, glibc's default, keeps what each once needed: 50 MiB more at 32 pulls at once.
        os.environ.setdefault("MALLOC_ARENA_MAX", "2")
        # Else what checking a password needs for a moment, 19 MiB, is from then on found on the heap and stays there.
        os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(4 << 20))
        os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(8 << 20))
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = _empty_folder(self.settings.data / "metrics")
        await asyncio.gather(
            *(self._keep(Role.WORKER, f"worker {number}") for number in range(1, self.settings.workers + 1)),
            self._keep(Role.HOUSEKEEPING, "housekeeping"),
            self._announce(),
        )
        _log.info("stopped")
        return 1 if self._failed else 0

    def _signalled(self) -> None:
        """The first signal asks, the second does not."""
        if self._stopping.is_set():
            _log.warning("stopped at once: transfers under way are cut off")
            os._exit(1)  # and the kernel kills our children
        self._stop()

    def _stop(self) -> None:
        grace = self.settings.shutdown_grace.total_seconds()
        _log.info("stopping", grace=grace)
        self._stopping.set()
        for child in self._children:
            child.terminate()
        asyncio.get_running_loop().call_later(grace + GRACE_TO_EXIT, self._kill)

    def _kill(self) -> None:
        for child in self._children:
            _log.error("killed: it did not stop in time", pid=child.pid)
            child.kill()

    async def _keep(self, role: Role, name: str) -> None:
        """Start a process, and another one whenever it dies, each time a little later while that happens at once."""
        deaths = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            status = await self._once(role, name)
            if self._stopping.is_set():
                return
            deaths = 1 if time.monotonic() - started > STEADY else deaths + 1
            _log.error("process died", process=name, status=status, deaths=deaths)
            if role is Role.WORKER and deaths >= HOPELESS and not self._listening:
                _log.error("giving up: no worker comes up; the messages above say why")
                self._failed = True
                self._stop()
                return
            await self._pause(min(FIRST_DELAY * 2 ** (deaths - 1), LAST_DELAY))

    async def _once(self, role: Role, name: str | None = None) -> int:
        """Run a process from its start to its end; its exit status, negative for a signal."""
        order = Order(role, self.settings, self.application, self.host, os.getpid())
        child = await asyncio.create_subprocess_exec(
            # -P: no module is taken from the folder we happen to be started in
            *(sys.executable, "-P", "-m", "wharfinger.serving.child", *(name or role).split()),
            stdin=asyncio.subprocess.PIPE,
        )
        self._children.add(child)
        if self._stopping.is_set():  # said while it was being started
            child.terminate()
        try:
            await child.communicate(pickle.dumps(order))
            return await child.wait()
        finally:
            self._children.discard(child)

    async def _announce(self) -> None:
        """Say so when the first worker accepts connections."""
        while not self._stopping.is_set():
            try:
                _, writer = await asyncio.open_connection(self._reachable(), self.settings.listen.port)
            except OSError:
                await self._pause(0.02)
            else:
                writer.close()
                self._listening = True
                scheme = "https" if self.settings.tls_cert else "http"
                _log.info("listening", url=f"{scheme}://{self.settings.listen}", workers=self.settings.workers)
                return

    def _reachable(self) -> str:
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not longer than until told to stop."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def _empty_folder(folder: Path) -> str:
    """Where the workers put their counters, so that each can answer for all of them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return str(folder.absolute())
