"""The trail arrives elsewhere: in order, at least once, over real sockets; and who is dead holds up nobody."""

import asyncio
import hashlib
import hmac
import json
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.kit.trail import Trail
from wharfinger.access.receivers import (
    DATAGRAM_AT_MOST,
    Receiver,
    SyslogDatagrams,
    SyslogStream,
    Undelivered,
    Webhook,
    syslog,
    syslog_receiver,
)
from wharfinger.access.shipping import BATCH, Shipper
from wharfinger.meta.audit import Entry, Record

SECRET = "between us"


@dataclass
class Site:
    """An HTTP server that keeps what is posted, and answers as it is told."""

    port: int = 0
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?team=a"

    @property
    def numbers(self) -> list[int]:
        return [record["number"] for _, body in self.requests for record in json.loads(body)["records"]]

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("POST /hook?team=a HTTP/1.1")
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        headers = {name.lower(): value for name, value in headers.items()}
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append((headers, body))
        extra = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-length: 0\r\n{extra}\r\n".encode())
        await writer.drain()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    server = await asyncio.start_server(made, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


@pytest.fixture
async def webhook(site: Site, trail: Trail) -> AsyncIterator[Webhook]:
    made = Webhook(site.url, SECRET, trail.clock)
    yield made
    await made.close()


def shipper(trail: Trail, receiver: Receiver, name: str = "webhook") -> Shipper:
    return Shipper(trail.db, name, receiver, trail.clock)


async def exhaust(shipper: Shipper) -> None:
    for _ in range(20):
        if not await shipper.step():
            return
    raise AssertionError("it sends the same again and again")


async def test_a_webhook_gets_every_record_once_and_in_order(trail: Trail, site: Site, webhook: Webhook) -> None:
    sending = shipper(trail, webhook)
    await trail.filled(BATCH + 20)
    await exhaust(sending)
    assert site.numbers == list(range(1, BATCH + 21))
    await trail.filled(2)
    await exhaust(sending)
    assert site.numbers == list(range(1, BATCH + 23))


async def test_what_is_not_sealed_is_not_sent(trail: Trail, site: Site, webhook: Webhook) -> None:
    await trail.add(trail.entry())
    await exhaust(shipper(trail, webhook))
    assert site.requests == []


async def test_posts_are_signed(trail: Trail, site: Site, webhook: Webhook) -> None:
    await trail.filled(1)
    await exhaust(shipper(trail, webhook))
    ((headers, body),) = site.requests
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-wharf-signature-256"] == f"sha256={expected}"
    assert headers["content-type"] == "application/json"
    fields = json.loads(body)
    assert fields["sent_at"] == trail.clock()
    assert fields["records"][0]["detail"] == {"number": 0}


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503])
async def test_a_post_that_is_not_taken_is_sent_again(trail: Trail, site: Site, webhook: Webhook, status: int) -> None:
    await trail.filled(3)
    site.status, site.headers = status, {"location": site.url}
    sending = shipper(trail, webhook)
    for _ in range(2):
        with pytest.raises(Undelivered):
            await sending.step()
    assert len(site.requests) == 2  # a redirect is not followed
    site.status = 200
    await exhaust(sending)
    assert site.numbers == [1, 2, 3] * 3


async def test_who_was_killed_before_it_was_noted_sends_again(trail: Trail, site: Site, webhook: Webhook) -> None:
    await trail.filled(2)
    first = shipper(trail, webhook)
    await first._receiver.send(await trail.db.write(first._begin))
    trail.clock.advance(minutes=1)
    await exhaust(shipper(trail, webhook))
    assert site.numbers == [1, 2, 1, 2]


async def test_two_processes_do_not_send_the_same(trail: Trail, site: Site, webhook: Webhook) -> None:
    await trail.filled(2)
    one, other = shipper(trail, webhook), shipper(trail, webhook)
    assert await trail.db.write(one._begin) != []
    assert await other.step() == 0
    assert site.requests == []


async def test_stubs_are_not_sent_and_do_not_stop_it(trail: Trail, site: Site, webhook: Webhook) -> None:
    await trail.add(trail.entry(0, "pull"), trail.entry(1))
    await trail.seal()
    trail.clock.advance(days=100)
    retention = trail.retention()
    await retention.sweep_pulls()
    await trail.seal()
    assert await retention.sweep_pulls() == 1
    await exhaust(shipper(trail, webhook))
    assert site.numbers == [2, 3]


async def test_a_dead_receiver_holds_up_nobody_and_is_asked_less_and_less(trail: Trail) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        pauses: list[float] = []
        enough = asyncio.Event()

        async def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 8:
                enough.set()
                await asyncio.Event().wait()

        dead = Shipper(
            trail.db, "webhook", Webhook(f"http://127.0.0.1:{port}/", SECRET, trail.clock), trail.clock, pause
        )
        await trail.filled(1)
        task = asyncio.create_task(dead.run())
        async with asyncio.timeout(60):
            await trail.filled(5)
            assert await trail.findings() == []
            await enough.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


# --- syslog

RFC5424 = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) wharfinger (\d+) ([!-~]{1,32}) - (.*)"
)


def parsed(message: bytes) -> tuple[int, str, dict[str, Any]]:
    match = RFC5424.fullmatch(message)
    assert match is not None, message
    return int(match[1]), match[5].decode(), json.loads(match[6])


@dataclass
class Stream:
    """A syslog server over TCP that reads messages after their lengths."""

    messages: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                length = int((await reader.readuntil(b" "))[:-1])
                self.messages.append(await reader.readexactly(length))
                async with self.arrived:
                    self.arrived.notify_all()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def wait_for(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(30), self.arrived:
            await self.arrived.wait_for(lambda: len(self.messages) >= count)
        return [parsed(message)[2] for message in self.messages]


async def test_syslog_over_tcp(trail: Trail) -> None:
    stream = Stream()
    server = await asyncio.start_server(stream, "127.0.0.1", 0)
    receiver = syslog_receiver(f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert isinstance(receiver, SyslogStream)
    sending = shipper(trail, receiver, "syslog")
    await trail.filled(3)
    await exhaust(sending)
    assert [record["number"] for record in await stream.wait_for(3)] == [1, 2, 3]
    # A server that was started anew is connected to anew.
    stream.writers[0].close()
    await stream.writers[0].wait_closed()
    await trail.filled(1)
    async with asyncio.timeout(30):
        while len(stream.messages) < 4:
            try:
                await sending.step()
            except Undelivered:
                continue
            await asyncio.sleep(0.01)
    assert parsed(stream.messages[-1])[2]["number"] == 4
    await receiver.close()
    server.close()
    await server.wait_closed()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@asynccontextmanager
async def listening(stream: Stream, certificate: trustme.LeafCert) -> AsyncIterator[int]:
    """A syslog server over TLS on loopback; its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    server = await asyncio.start_server(stream, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def test_syslog_over_tls(trail: Trail, authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    stream = Stream()
    async with listening(stream, authority.issue_cert("localhost")) as port:
        receiver = syslog_receiver(f"tls://localhost:{port}", tmp_path / "ca.pem")
        await trail.filled(3)
        await exhaust(shipper(trail, receiver, "syslog"))
        assert [record["number"] for record in await stream.wait_for(3)] == [1, 2, 3]
        secured = stream.writers[0].get_extra_info("ssl_object")
        assert secured.version() in {"TLSv1.2", "TLSv1.3"}
        await receiver.close()


@pytest.mark.parametrize("why", ["another host", "another authority", "of the system", "no file"])
async def test_nothing_is_told_to_a_server_that_is_not_the_one(
    trail: Trail, authority: trustme.CA, tmp_path: Path, why: str
) -> None:
    trusted = trustme.CA() if why == "another authority" else authority
    if why != "no file":
        trusted.cert_pem.write_to_path(tmp_path / "ca.pem")
    stream = Stream()
    async with listening(stream, authority.issue_cert("elsewhere" if why == "another host" else "localhost")) as port:
        receiver = syslog_receiver(f"tls://localhost:{port}", None if why == "of the system" else tmp_path / "ca.pem")
        await trail.filled(1)
        with pytest.raises(Undelivered):
            await shipper(trail, receiver, "syslog").step()
        await receiver.close()
    assert stream.messages == []


async def test_syslog_over_udp(trail: Trail) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(30)
        receiver = syslog_receiver(f"udp://127.0.0.1:{listening.getsockname()[1]}")
        assert isinstance(receiver, SyslogDatagrams)
        await trail.filled(2)
        await exhaust(shipper(trail, receiver, "syslog"))
        received = [parsed(await asyncio.to_thread(listening.recv, 65536)) for _ in range(2)]
        await receiver.close()
    assert [fields["number"] for _, _, fields in received] == [1, 2]
    assert [(priority, action) for priority, action, _ in received] == [(110, "push")] * 2


async def test_a_syslog_server_that_is_not_there_is_undelivered(trail: Trail) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        receiver = syslog_receiver(f"tcp://127.0.0.1:{taken.getsockname()[1]}")
        await trail.filled(1)
        with pytest.raises(Undelivered):
            await shipper(trail, receiver, "syslog").step()


def record(**fields: Any) -> Record:
    made: dict[str, Any] = {"id": 1, "number": 1, "hash": "00", "at": 1.5, "last_at": 1.5, "count": 1}
    made |= dict.fromkeys(("action", "outcome", "account", "address", "client", "rule", "request"), "")
    made |= dict.fromkeys(("repository", "tag", "digest"))
    return Record(**made | {"detail": "{}"} | fields)


def test_a_denial_is_a_warning() -> None:
    assert parsed(syslog(record(action="pull", outcome="denied")))[0] == 13 * 8 + 4


def test_nothing_in_a_record_forges_another_message() -> None:
    message = syslog(record(action="pu sh\n", account="x\n<110>1 forged", client="\x00\u2028ä", detail='["\\n"]'))
    assert b"\n" not in message
    assert message.isascii()
    _, action, fields = parsed(message)
    assert (action, fields["account"]) == ("push", "x\n<110>1 forged")


def test_a_datagram_that_would_be_too_long_goes_without_its_detail() -> None:
    long = record(action="push", detail=json.dumps({"tags": "x" * 10_000}))
    assert len(syslog(long)) > DATAGRAM_AT_MOST
    message = syslog(long, at_most=DATAGRAM_AT_MOST)
    assert len(message) <= DATAGRAM_AT_MOST
    assert parsed(message)[2]["detail"] == {"cut": True}


def test_an_entry_becomes_a_message_with_its_time_in_utc() -> None:
    entry = Entry(1.5, "push", "anna")
    assert syslog(record(action=entry.action, at=entry.at)).split(b" ")[1] == b"1970-01-01T00:00:01.500000Z"
