"""A request, its body and a reply, directly over ASGI: on the way of a manifest there is no room for more."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from wharfinger.access.caller import Caller, Origin
from wharfinger.blobs.store import Bytes
from wharfinger.errors import BodyStalled, Disconnected, RequestInvalid, SizeInvalid, TooLarge
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

MAX_PARAMETERS = 100
MAX_FORM = 64 * 1024
FORM = "application/x-www-form-urlencoded"
LITTLE = 64 * 1024
"""So much of a body that nobody wants is read, so that its connection can be used again."""
LITTLE_SECONDS = 0.5
LINGER_BYTES = 64 * 1024 * 1024
LINGER_SECONDS = 10.0
LINGER_IDLE = 2.0


class Body:
    """The body of a request, to be read once. Bounded in size, and in the time between two pieces of it.

    Raises TooLarge, BodyStalled, and Disconnected when the client goes away before the end, unless
    :meth:`keep_what_arrives` was called: then a body that breaks off simply ends there.
    """

    def __init__(self, receive: Receive, headers: Mapping[bytes, bytes], *, limit: int, timeout: float) -> None:
        self._receive = receive
        self._limit = limit
        self._timeout = timeout
        self._keep = False
        self._complete = False
        self.received = 0
        self.length = _length(headers)
        self._expects = b"expect" in headers
        self.exists = self.length != 0 and (self.length is not None or b"transfer-encoding" in headers)

    @property
    def unread(self) -> bool:
        """Whether the client may still be sending."""
        return self.exists and not self._complete

    def limited_to(self, limit: int) -> "Body":
        """The same body, refused beyond ``limit`` bytes; at once when the client says that it is longer."""
        self._limit = min(self._limit, limit) if self._limit else limit
        if self.length is not None and self.length > self._limit > 0:
            raise self._too_large()
        return self

    def keep_what_arrives(self) -> "Body":
        """The same body, which ends where it breaks off."""
        self._keep = True
        return self

    def __aiter__(self) -> "Body":
        return self

    async def __anext__(self) -> bytes:
        if self.length is not None and self.length > self._limit > 0:
            raise self._too_large()  # before the first byte, for it says so itself
        while not self._complete:
            try:
                async with asyncio.timeout(self._timeout):
                    message = await self._receive()
            except TimeoutError as error:
                raise BodyStalled(f"no byte of the body came for {self._timeout:g} seconds") from error
            if message["type"] == "http.disconnect":
                self._complete = True
                if self._keep:
                    break
                raise Disconnected("the client went away before the end of its body")
            self._complete = not message.get("more_body", False)
            chunk: bytes = message.get("body", b"")
            if chunk:
                self.received += len(chunk)
                if self.received > self._limit > 0:
                    raise self._too_large()
                return chunk
        raise StopAsyncIteration

    async def read(self) -> bytes:
        """The whole body; only for what has a small limit."""
        return b"".join([chunk async for chunk in self])

    async def skip_if_little(self) -> None:
        """Read to its end what nobody wants, unless that is much or is not even being sent (``Expect``)."""
        if self.length is not None and self.length - self.received <= LITTLE and not self._expects:
            await self._drain(LITTLE, LITTLE_SECONDS)

    async def linger(self) -> None:
        """Read on for a while after the answer was sent, until the client has seen it and stops sending.

        To close at once would reset the connection, and a client that fails to send does not look for an answer. One
        that waits to be asked for its body (``Expect``) is not sending: reading would only ask it to.
        """
        if self.received or not self._expects:
            await self._drain(LINGER_BYTES, LINGER_SECONDS)

    async def _drain(self, size: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.unread and size > 0 and (left := deadline - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(min(left, LINGER_IDLE)):
                    message = await self._receive()
            except TimeoutError:
                return
            self._complete = message["type"] == "http.disconnect" or not message.get("more_body", False)
            size -= len(message.get("body", b""))

    def _too_large(self) -> TooLarge:
        return TooLarge(f"the body is longer than the limit of {self._limit} bytes", limit=self._limit)


def _length(headers: Mapping[bytes, bytes]) -> int | None:
    value = headers.get(b"content-length")
    if value is None:
        return None
    if not value.isdigit() or len(value) > 19:
        raise SizeInvalid("invalid Content-Length")
    return int(value)


@dataclass(slots=True)
class Request:
    """One request. ``repository`` and ``rest`` are what the route's pattern found in the path.

    ``who`` is None only on routes that are open to all, ``origin`` is where it came from.
    """

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    body: Body
    repository: RepoName
    rest: str
    origin: Origin
    who: Caller | None = None

    @property
    def caller(self) -> Caller:
        """Who makes the request."""
        assert self.who is not None, "the gate has seen to it on every route that is not open to all"
        return self.who

    def header(self, name: bytes) -> str | None:
        """A header's value, or None; ``name`` in lower case."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def parameters(self) -> dict[str, list[str]]:
        """The query's parameters. Raises RequestInvalid when there are far too many or they are not text."""
        return parse_fields(self.query, "query string") if self.query else {}

    async def form(self) -> dict[str, list[str]]:
        """The fields of the form that is the body. Raises RequestInvalid when it is none, TooLarge and so on."""
        content_type = (self.header(b"content-type") or "").partition(";")[0].strip().lower()
        if content_type != FORM:
            raise RequestInvalid(f"want a form, Content-Type: {FORM}")
        return parse_fields(await self.body.limited_to(MAX_FORM).read(), "form")


def parse_fields(encoded: bytes, what: str) -> dict[str, list[str]]:
    """The fields of a query or a form, which the refusal calls ``what``. Raises RequestInvalid as said above."""
    found: dict[str, list[str]] = {}
    try:
        text = encoded.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise RequestInvalid(f"the {what} is malformed or has over {MAX_PARAMETERS} parameters") from error
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


@dataclass(slots=True)
class Reply:
    """An answer. ``body`` is bytes, or a stream whose length the headers already say.

    ``pulled`` is the digest of content that it hands out, for the audit trail.
    """

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes | Bytes = b""
    pulled: Digest | None = None

    def handing_out(self, digest: Digest) -> "Reply":
        """The same answer, with which this content can be had."""
        self.pulled = digest
        return self

    async def send(self, send: Send, *, head: bool) -> int:
        """Send it and return how many bytes of body; for HEAD the headers alone."""
        start = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        if isinstance(self.body, bytes):
            await send(start)
            body = b"" if head else self.body
            await send({"type": "http.response.body", "body": body})
            return len(body)
        # The first chunk before the first header: whatever is wrong with the store shows here, as an error.
        chunk = b"" if head else await anext(self.body, b"")
        await send(start)
        sent = 0
        while chunk:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            sent += len(chunk)
            chunk = await anext(self.body, b"")
        await send({"type": "http.response.body", "body": b""})
        return sent


def bytes_reply(status: int, content_type: str, body: bytes, headers: Headers | None = None) -> Reply:
    """A reply with a body that is at hand."""
    fixed: Headers = [(b"content-type", content_type.encode("latin-1")), (b"content-length", b"%d" % len(body))]
    return Reply(status, fixed + (headers or []), body)


def empty_reply(status: int, headers: Headers | None = None) -> Reply:
    """A reply without body; Content-Length 0 where the status allows a body at all (RFC 9110, section 8.6)."""
    length: Headers = [] if status in {204, 304} else [(b"content-length", b"0")]
    return Reply(status, length + (headers or []))
