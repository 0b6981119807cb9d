"""A process that serves requests: Granian around the ASGI application, on an event loop of ours."""

import asyncio
import logging
import resource
import signal
from contextlib import suppress
from typing import Any

import uvloop
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.errors import FatalError
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from wharfinger import logs
from wharfinger.config import Settings
from wharfinger.errors import Refusal
from wharfinger.serving.roles import Application, Asgi, Order

BACKLOG = 2048
CONNECTIONS = 8192
"""Connections that one worker has open at most; further ones wait in the backlog."""

HTTP1 = HTTP1Settings(
    # Also how long an idle connection is kept. Go's clients keep theirs for 90 s and do not repeat a POST whose
    # connection was closed under it, so we are the ones who wait longer.
    header_read_timeout=120_000,
    # The largest piece of a body that arrives at once, and the limit for all headers of a request.
    max_buffer_size=384 * 1024,
)

_log = logging.getLogger(__name__)

QUIET = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}, "granian.access": {"propagate": False}},
}
"""Granian sets logging up by itself; this leaves its messages to our root logger."""


def work(order: Order, application: Application) -> int:
    """Serve until told to stop; the exit status."""
    files = _raise_file_limit()
    server = _server(order, _must_start(application.create(order.settings)), connections=min(CONNECTIONS, files // 2))
    logs.configure(order.settings.log_level, order.settings.log_format)
    logging.getLogger("_granian").addFilter(_not_experimental)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(server, order.settings))
    except asyncio.CancelledError:
        _log.warning("transfers that did not finish in time were ended")
    except FatalError:  # and it has been logged why
        return 1
    return 0


def _server(order: Order, app: Asgi, connections: int) -> Server:
    settings = order.settings
    return Server(
        app,
        address=order.host,
        port=settings.listen.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,  # uploads over HTTP/2 run at a tenth of the speed
        http1_settings=HTTP1,
        websockets=False,
        backlog=BACKLOG,
        backpressure=connections,
        ssl_cert=settings.tls_cert,
        ssl_key=settings.tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
        log_level=LogLevels.warning,
        log_dictconfig=QUIET,
    )


def _must_start(app: Asgi) -> Asgi:
    """The application, whose failure to start is one: Granian would go on without it having been started."""

    async def live(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:  # noqa: BLE001  whatever it is, it is told and ends the worker
            _log.error(
                "the application cannot be started or stopped: %s", error, exc_info=not isinstance(error, Refusal)
            )
            with suppress(AssertionError):  # it was being stopped
                await send({"type": "lifespan.startup.failed", "message": ""})

    return lambda scope, receive, send: (live if scope["type"] == "lifespan" else app)(scope, receive, send)


async def _serve(server: Server, settings: Settings) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def stop() -> None:
        """Accept nothing more and let what is under way finish; at the end of the grace, cancel it."""
        server.stop()
        loop.call_later(settings.shutdown_grace.total_seconds(), task.cancel)

    loop.add_signal_handler(signal.SIGTERM, stop)
    await server.serve()


def _not_experimental(record: logging.LogRecord) -> bool:
    """Not that Granian's embedded server is experimental, which it says at every start."""
    return "experimental" not in record.getMessage()


def _raise_file_limit() -> int:
    """Allow as many open files as we may have; the usual limit of 1024 is below what a busy registry holds."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
