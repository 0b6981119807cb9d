"""Where the audit trail is sent: a syslog server (RFC 5424, with TLS RFC 5425), a webhook.

Each takes a batch or raises Undelivered.
"""

import asyncio
import hashlib
import hmac
import json
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx2

from wharfinger.meta.audit import DONE, Record

TIMEOUT = 10.0
CLOSING = 2.0
"""Seconds for a server to say that it has seen the end of a TLS connection."""
FACILITY = 13  # log audit
INFORMATIONAL, WARNING = 6, 4
DATAGRAM_AT_MOST = 8192
"""A longer message goes without its detail; what receivers of datagrams take beyond 2048 is theirs to say."""
SIGNATURE = "x-wharf-signature-256"


class Undelivered(Exception):
    """The receiver did not take it; it is sent again later."""


class Receiver(Protocol):
    """Somebody who is told of every record."""

    async def send(self, records: Sequence[Record]) -> None:
        """Hand the records over in their order. Raises Undelivered: some may have arrived, and will once more."""
        ...

    async def close(self) -> None:
        """Give back what was opened."""
        ...


class Webhook:
    """Posts ``{"sent_at": …, "records": […]}``; anything but a 2xx answer is no. Redirects are not followed.

    The header ``X-Wharf-Signature-256`` is ``sha256=`` and the HMAC-SHA256 of the body in hexadecimal digits.
    """

    def __init__(self, url: str, secret: str, now: Callable[[], float]) -> None:
        self._url = url
        self._secret = secret.encode()
        self._now = now
        self._http = httpx2.AsyncClient(timeout=TIMEOUT, follow_redirects=False)

    async def send(self, records: Sequence[Record]) -> None:
        body = json.dumps({"sent_at": self._now(), "records": [fields_of(record) for record in records]}).encode()
        signature = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "user-agent": "wharfinger", SIGNATURE: f"sha256={signature}"}
        try:
            async with (
                asyncio.timeout(2 * TIMEOUT),  # that of the client starts anew with every byte
                self._http.stream("POST", self._url, content=body, headers=headers) as answer,
            ):
                status = answer.status_code  # and what it says beside that is nobody's business
        except (httpx2.HTTPError, TimeoutError, OSError) as error:
            raise Undelivered(f"{type(error).__name__}: {error}") from error
        if not 200 <= status < 300:
            raise Undelivered(f"it answered {status}")

    async def close(self) -> None:
        await self._http.aclose()


class SyslogDatagrams:
    """Over UDP: a datagram for each record. Nobody says whether it arrived."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port

    async def send(self, records: Sequence[Record]) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                found = await asyncio.get_running_loop().getaddrinfo(*self._to, type=socket.SOCK_DGRAM)
            family, kind, protocol, _, address = found[0]
            with socket.socket(family, kind, protocol) as sending:
                for record in records:
                    sending.sendto(syslog(record, at_most=DATAGRAM_AT_MOST), address)
        except OSError as error:  # TimeoutError is one
            raise Undelivered(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        pass


class SyslogStream:
    """Over TCP, each message after its length (RFC 6587, octet counting).

    The protocol has no answer: what a server that dies has not read is lost, except that a connection it has closed
    before is noticed and the batch is sent again. ``tls`` makes the context of a new connection (RFC 5425), which is
    made only to a server whose certificate is for this host.
    """

    def __init__(self, host: str, port: int, tls: Callable[[], ssl.SSLContext] | None = None) -> None:
        self._to = host, port
        self._tls = tls
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, records: Sequence[Record]) -> None:
        messages = [syslog(record) for record in records]
        try:
            async with asyncio.timeout(TIMEOUT):
                reader, writer = await self._connected()
                writer.write(b"".join(b"%d %s" % (len(message), message) for message in messages))
                await writer.drain()
            if reader.at_eof():
                raise ConnectionResetError("the connection was closed")
        except OSError as error:  # TimeoutError is one
            await self.close()
            raise Undelivered(f"{type(error).__name__}: {error}") from error

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._writer is not None and self._reader is not None and self._reader.at_eof():
            await self.close()
        if self._writer is None or self._reader is None:
            tls, closing = (self._tls(), CLOSING) if self._tls else (None, None)
            self._reader, self._writer = await asyncio.open_connection(*self._to, ssl=tls, ssl_shutdown_timeout=closing)
        return self._reader, self._writer

    async def close(self) -> None:
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def syslog_receiver(url: str, ca: Path | None = None) -> Receiver:
    """The receiver at ``udp://host:port``, ``tcp://host:port`` or ``tls://host:port``.

    For the last the authorities in the file ``ca`` count, else those that the system trusts.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None, "the setting has one"
    assert parts.port is not None, "the setting has one"
    match parts.scheme:
        case "udp":
            return SyslogDatagrams(parts.hostname, parts.port)
        case "tcp":
            return SyslogStream(parts.hostname, parts.port)
    # Read for each connection: a file that was replaced counts from the next one.
    return SyslogStream(parts.hostname, parts.port, partial(ssl.create_default_context, cafile=ca))


def syslog(record: Record, at_most: int | None = None) -> bytes:
    """The record as a message by RFC 5424: its action as message id, all of it in JSON as the text."""
    fields = fields_of(record)
    message = _message(record, fields)
    if at_most is not None and len(message) > at_most:
        message = _message(record, fields | {"detail": {"cut": True}})
    return message


def _message(record: Record, fields: dict[str, Any]) -> bytes:
    priority = FACILITY * 8 + (INFORMATIONAL if record.outcome == DONE else WARNING)
    time = datetime.fromtimestamp(record.at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    words = (f"<{priority}>1", time, _word(socket.gethostname(), 255), "wharfinger", str(os.getpid()))
    return " ".join((*words, _word(record.action, 32), "-", json.dumps(fields))).encode("ascii")


def _word(text: str, longest: int) -> str:
    """The text as one word of a header: printable ASCII, and never empty."""
    return "".join(letter for letter in text if "!" <= letter <= "~")[:longest] or "-"


def fields_of(record: Record) -> dict[str, Any]:
    """The record as JSON has it, its detail unpacked."""
    fields: dict[str, Any] = {name: getattr(record, name) for name in Record.__slots__}
    try:
        detail = json.loads(record.detail)
    except ValueError:
        detail = {"text": record.detail}
    return fields | {"detail": detail if isinstance(detail, dict) else {"text": record.detail}}
