"""The first lines of every process that the supervisor starts: ``python -m wharfinger.serving.child``."""

import asyncio
import ctypes
import os
import pickle
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import cast

from wharfinger import logs
from wharfinger.config import ConfigError
from wharfinger.errors import Refusal
from wharfinger.serving.roles import Application, Order, Role

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main() -> int:
    """Do what the order on standard input says; the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of us; the supervisor says when to stop
    order = pickle.load(sys.stdin.buffer)  # noqa: S301  written by the supervisor
    die_with(order.parent)
    logs.configure(order.settings.log_level, order.settings.log_format)
    try:
        application = cast(Application, import_module(order.application))
        return DUTIES[order.role](order, application)
    except (Refusal, ConfigError) as error:
        print(f"wharf: {error}", file=sys.stderr)  # noqa: T201  for whoever started us
        return 1


def die_with(parent: int) -> None:
    """Be killed when the supervisor is gone, however it went: a stale worker would keep port and database."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # gone before we asked
        os._exit(1)


def _prepare(order: Order, application: Application) -> int:
    password = application.prepare(order.settings)
    if password is not None:
        print(_welcome(order, password), file=sys.stderr, flush=True)  # noqa: T201  once, to a person, in no log
    return 0


def _welcome(order: Order, password: str) -> str:
    listen = order.settings.listen
    host = "localhost" if listen.host in ("0.0.0.0", "::", "127.0.0.1", "::1") else listen.host  # noqa: S104
    registry = (order.settings.public_url or f"//{host}:{listen.port}").partition("//")[2]
    return f"""
This is the first start, and the administrator's account is made. The password is shown only now:

    user      admin
    password  {password}

To push an image that you have:

    docker login {registry} --username admin
    docker tag alpine {registry}/alpine
    docker push {registry}/alpine
"""


def _work(order: Order, application: Application) -> int:
    from wharfinger.serving.worker import work

    return work(order, application)


def _keep_house(order: Order, application: Application) -> int:
    async def until_told() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await application.housekeeping(order.settings)

    with suppress(asyncio.CancelledError):
        asyncio.run(until_told())
    return 0


DUTIES: Mapping[Role, Callable[[Order, Application], int]] = {
    Role.PREPARE: _prepare,
    Role.WORKER: _work,
    Role.HOUSEKEEPING: _keep_house,
}

if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # all is closed; taking the interpreter apart would be half a second of work for nothing
