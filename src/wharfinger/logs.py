"""Logs of this process: one JSON object for each line on standard output, or lines for people.

Ours come through structlog, those of libraries through the standard library; both end in the same line. Secrets are
``***`` here by their type (``Secret``) and, should one be passed as plain text, by the name it is passed under.
"""

import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO

import msgspec
import structlog

Event = MutableMapping[str, Any]

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
OF_LIBRARIES = LEVELS | {"debug": logging.INFO, "info": logging.WARNING}
"""What libraries tell; they find more worth telling than we do, and at their debug level it can hold secrets."""

SECRET_WORDS = frozenset({"authorization", "cookie", "password", "secret", "secret_key", "token"})


def configure(level: str, form: str, out: BinaryIO | None = None) -> None:
    """Log from ``level`` on, in the form ``json`` or ``console``, to ``out`` or else to standard output."""
    out = out or open(sys.stdout.fileno(), "wb", buffering=0, closefd=False)  # noqa: SIM115  it is open for good
    last = [_as_json] if form == "json" else [_for_people(out), _encode]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _when_and_who,
            _without_secrets,
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *name: _Lines(out, *name),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_ToStructlog()], level=OF_LIBRARIES[level], force=True)
    logging.captureWarnings(capture=True)


class _Lines:
    """The end of the way: writes each line at once, so that the lines of several processes do not mix."""

    def __init__(self, out: BinaryIO, name: str = "wharfinger") -> None:
        self._out = out
        self.name = name

    def line(self, line: bytes) -> None:
        with suppress(OSError):  # nobody reads the log any more: no reason to fail a request
            self._out.write(line + b"\n")

    debug = info = warning = error = critical = exception = line


class _ToStructlog(logging.Handler):
    """Takes what libraries log."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(record.name)
        log.log(max(record.levelno, logging.DEBUG), record.getMessage(), exc_info=record.exc_info)


def _when_and_who(logger: _Lines, method: str, event: Event) -> Event:
    event["time"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    event["level"] = method
    event["logger"] = logger.name
    return event


def _without_secrets(_logger: _Lines, _method: str, event: Event) -> Event:
    for word in SECRET_WORDS & event.keys():
        event[word] = "***"
    return event


def _as_json(_logger: _Lines, _method: str, event: Event) -> bytes:
    problem = event.pop("exc_info", None)
    if problem:
        event["traceback"] = _traceback(problem)
    try:
        return _JSON.encode(event)
    except UnicodeEncodeError:  # half a surrogate pair, from a name that was not UTF-8
        return json.dumps(event, default=str).encode()


def _traceback(problem: Any) -> str:
    error = problem if isinstance(problem, BaseException) else problem[1] if isinstance(problem, tuple) else None
    return "".join(traceback.format_exception(error or sys.exception()))


def _for_people(out: BinaryIO) -> structlog.dev.ConsoleRenderer:
    # Its own tracebacks show local variables, and with them whatever secrets those hold.
    return structlog.dev.ConsoleRenderer(
        colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback, timestamp_key="time"
    )


def _encode(_logger: _Lines, _method: str, line: str) -> bytes:
    return line.encode(errors="replace")


_JSON = msgspec.json.Encoder(enc_hook=str)
