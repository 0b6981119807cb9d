"""Workers forked from a process that has imported everything: ready in a tenth of the time of `wharf serve`.

For tests that start a server hundreds of times. The workers run `wharfinger.serving.worker`, as those of `wharf serve`
do; what is missing is the supervisor, which holds no connection, no database and no bytes.
"""

import importlib
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from tests.kit.backends import Backend
from tests.kit.parts.process import free_port
from tests.kit.server import ACCOUNT, Server, group
from wharfinger.config import load
from wharfinger.serving import child
from wharfinger.serving.roles import Order, Role

APPLICATION = "wharfinger.app"
_IMPORTED = (APPLICATION, "wharfinger.serving.worker", "psycopg", "sqlalchemy.dialects.postgresql.psycopg")


@dataclass(frozen=True)
class Group:
    """Forked processes; theirs is the parent to reap them, so how they ended is not known."""

    pid: int

    def poll(self) -> int | None:
        return None if group(self.pid) else 0

    def wait(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + (timeout or 60)
        while group(self.pid):
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.005)
        return 0

    def send_signal(self, sig: int) -> None:
        os.killpg(self.pid, sig)


@dataclass(frozen=True)
class Parent:
    """The process that forks."""

    process: subprocess.Popen[bytes]
    order: Order

    def fork(self, *roles: Role) -> Group:
        """One process for each of ``roles``, in a group of their own."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        for role in roles:
            pickle.dump(replace(self.order, role=role), self.process.stdin)
        pickle.dump(None, self.process.stdin)
        self.process.stdin.flush()
        return Group(pickle.load(self.process.stdout))


@contextmanager
def forking(
    folder: Path, backend: Backend, *, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[Parent, Server]]:
    """A parent for workers with their data in ``folder``, and a server of one worker that is yet to be started.

    The database is made; nothing of it all runs afterwards.
    """
    port, log = free_port(), folder.with_name(f"{folder.name}.log")
    given = {
        "WHARF_DATA": str(folder),
        "WHARF_LISTEN": f"127.0.0.1:{port}",
        "WHARF_ADMIN_PASSWORD": ACCOUNT[1],
        "WHARF_LOG_LEVEL": "warning",
        "WHARF_ACCESS_LOG": "false",
        **backend.environment,
        **(environment or {}),
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.kit.forks"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output
        )
    order = Order(Role.PREPARE, load(None, given, {}).settings, APPLICATION, "127.0.0.1", process.pid)
    parent = Parent(process, order)
    server = Server(lambda: parent.fork(Role.WORKER), port, log)
    try:
        parent.fork(Role.PREPARE).wait()
        yield parent, server
    finally:
        server.kill()
        process.communicate()


def main() -> None:
    """Fork what standard input says, until it ends."""
    for name in _IMPORTED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    while True:
        orders: list[Order] = []
        try:
            while (order := pickle.load(sys.stdin.buffer)) is not None:
                orders.append(order)
        except EOFError:
            return
        pickle.dump(_fork(orders), sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _fork(orders: list[Order]) -> int:
    number = 0
    for order in orders:
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, number)
            _become(order)
        number = number or pid
        with suppress(OSError):  # it has ended already
            os.setpgid(pid, number)  # here too, or the group would not be there yet when we say so
    return number


def _become(order: Order) -> NoReturn:
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status = 1
    try:
        child.die_with(order.parent)
        status = child.DUTIES[order.role](order, importlib.import_module(order.application))
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
