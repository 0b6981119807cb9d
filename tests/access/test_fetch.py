"""Requests that others make us send go where they may, and nowhere else."""

import asyncio
import gzip
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from wharfinger.access import addresses, fetch
from wharfinger.access.fetch import Fetch
from wharfinger.errors import RequestInvalid, Unreachable

NAME = "issuer.test"
JSON = {"Content-Type": "application/json"}


@dataclass
class Server:
    """What it answers, and what it was asked."""

    port: int = 0
    status: str = "200 OK"
    headers: dict[str, str] = field(default_factory=lambda: dict(JSON))
    body: bytes = b'{"a": 1}'
    asked: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    goes_on: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
            lines = [f"HTTP/1.1 {self.status}", *(f"{name}: {value}" for name, value in self.headers.items())]
            writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode() + self.body)
            await writer.drain()
            if self.goes_on is not None:
                await self.goes_on(writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()


Serve = Callable[..., AbstractAsyncContextManager[Server]]


@asynccontextmanager
async def serve(server: Server, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Server]:
    listening = await asyncio.start_server(server, host, server.port, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


@dataclass
class Names:
    """A name server: what it answers the first time, the second, and from then on."""

    answers: list[Sequence[str]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@dataclass
class Authority:
    """A certificate authority, and a server's side for a name."""

    ca: trustme.CA = field(default_factory=trustme.CA)

    def trusted(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        return context

    def server(self, name: str, seen: list[str | None]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(name).configure_cert(context)
        context.sni_callback = lambda _socket, wanted, _context: seen.append(wanted)
        return context


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def here(*answers: Sequence[str]) -> Fetch:
    return Fetch(resolve=Names(list(answers) or [["127.0.0.1"]]))


async def test_the_name_is_in_the_certificate_and_in_the_request_while_the_connection_goes_to_the_address(
    authority: Authority,
) -> None:
    names = Names([["127.0.0.1"]])
    server = Server()
    async with serve(server, tls=authority.server(NAME, server.names)):
        found = await Fetch(resolve=names, tls=authority.trusted()).get_json(
            f"https://{NAME}:{server.port}/a/b?c=d", private=True
        )
    assert found == {"a": 1}
    assert server.names == [NAME]
    assert server.asked[0].startswith("GET /a/b?c=d HTTP/1.1\r\n")
    assert f"Host: {NAME}:{server.port}\r\n" in server.asked[0]
    assert "accept-encoding: identity" in server.asked[0].lower()


async def test_an_answer_of_the_name_server_that_changes_meanwhile_changes_nothing(authority: Authority) -> None:
    names = Names([["127.0.0.2"], ["127.0.0.1"]])
    honest, other = Server(), Server()
    async with serve(honest, tls=authority.server(NAME, []), host="127.0.0.2"):
        other.port = honest.port
        async with serve(other, tls=authority.server(NAME, [])):
            url = f"https://{NAME}:{honest.port}/"
            await Fetch(resolve=names, tls=authority.trusted()).get_json(url, private=True)
    assert (len(names.asked), len(honest.asked), len(other.asked)) == (1, 1, 0)


async def test_the_certificate_must_be_the_names(authority: Authority) -> None:
    server = Server()
    async with serve(server, tls=authority.server("other.test", [])):
        url = f"https://{NAME}:{server.port}/"
        with pytest.raises(Unreachable, match="TLS: Hostname mismatch"):
            await Fetch(resolve=Names([["127.0.0.1"]]), tls=authority.trusted()).get_json(url, private=True)
        with pytest.raises(Unreachable, match="TLS: "):
            await here().get_json(f"https://other.test:{server.port}/", private=True)
    assert server.asked == []


INSIDE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "::1",
    "fd12:3456::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::",
    "2002:0a00:0001::1",
]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:a9fe:a9fe::",
    "2001:db8::1",
    "2001::1",
    "100::1",
    "4000::1",
    "fe80::1%eth0",
]
OUTSIDE = [
    "140.82.112.3",
    "8.8.8.8",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1",
    "2a00:1450:4001::1",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("text", INSIDE)
async def test_a_name_that_means_something_inside_is_not_asked(text: str) -> None:
    assert addresses.why_not(ip_address(text), private=False)
    assert addresses.why_not(ip_address(text), private=True) is None
    for found in ([text], ["3000::1", text]):
        with pytest.raises(RequestInvalid, match="nothing is asked of it"):
            await here(found).get_json(f"https://{NAME}/")


@pytest.mark.parametrize("text", NEVER)
async def test_some_addresses_are_never_asked(text: str) -> None:
    for private in (False, True):
        assert addresses.why_not(ip_address(text), private=private)
        with pytest.raises(RequestInvalid, match="nothing is asked of it"):
            await here([text]).get_json(f"https://{NAME}/", private=private)


@pytest.mark.parametrize("text", OUTSIDE)
def test_the_public_internet_may_be_asked(text: str) -> None:
    assert addresses.why_not(ip_address(text), private=False) is None


@given(st.ip_addresses(v=4))
def test_of_ipv4_nothing_is_asked_that_the_standard_library_calls_private(address: addresses.Address) -> None:
    if not address.is_global or address.is_multicast:
        assert addresses.why_not(address, private=False)
        for wrapped in (f"::ffff:{address}", f"64:ff9b::{address}", f"::{address}"):
            assert addresses.why_not(ip_address(wrapped), private=False)


@given(st.ip_addresses(v=6))
def test_nor_of_ipv6(address: addresses.Address) -> None:
    if not address.is_global or address.is_multicast:
        assert addresses.why_not(address, private=False) or address in addresses._6TO4 or address in addresses._NAT64


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.test/",
        "http://127.0.0.1/",
        "ftp://issuer.test/",
        "file:///etc/passwd",
        "//issuer.test/",
        "issuer.test",
        "",
        "https://",
        "https:///path",
        "https://user@issuer.test/",
        "https://user:pass@issuer.test/",
        "https://issuer.test:0/",
        "https://issuer.test:99999/",
        "https://issuer.test:x/",
        "https://issuer.test/#fragment",
        "https://issuer.test\\@127.0.0.1/",
        "https://issuer.test /",
        "https://issuer.test/\r\nX: y",
        "https://issuer.test/\x00",
        "https://127.1/",
        "https://127.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.0x1/",
        "https://1.1.1.1.1/",
        "https://①②⑦.0.0.1/",
        "https://127。0。0。1/",
        "https://exämple.test/",
        "https://issuer..test/",
        "https://-issuer.test/",
        "https://" + "a" * 64 + ".test/",
        "https://issuer.test/" + "a" * 2000,
        "https://[::1",
        "https://[v1.x]/",
    ],
)
async def test_what_is_no_plain_https_url_is_not_even_resolved(url: str) -> None:
    names = Names([["10.0.0.1"]])
    with pytest.raises(RequestInvalid):
        await Fetch(resolve=names).get_json(url)
    assert names.asked == []


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://[::1]/", "https://[::ffff:7f00:1]/", "https://169.254.169.254/"]
)
async def test_an_address_in_the_url_is_judged_like_any_other(url: str) -> None:
    names = Names([["10.0.0.1"]])
    with pytest.raises(RequestInvalid, match="nothing is asked of it"):
        await Fetch(resolve=names).get_json(url)
    assert names.asked == []


async def test_plain_http_goes_to_this_machine_alone_and_only_where_private_is_allowed() -> None:
    async with serve(Server()) as server:
        for host in ("127.0.0.1", "localhost"):
            assert await here().get_json(f"http://{host}:{server.port}/", private=True) == {"a": 1}
            with pytest.raises(RequestInvalid, match="want https"):
                await here().get_json(f"http://{host}:{server.port}/")
    with pytest.raises(RequestInvalid, match="want https"):
        await here().get_json("http://10.0.0.1/", private=True)
    with pytest.raises(RequestInvalid, match="this machine alone"):
        await here(["10.0.0.1"]).get_json("http://localhost/", private=True)


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(Server()) as proxy, serve(Server()) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        await here().get_json(f"http://127.0.0.1:{server.port}/", private=True)
    assert proxy.asked == []


async def get(server: Server, *, seconds: float = 5) -> object:
    fetcher = Fetch(resolve=Names([["127.0.0.1"]]), seconds=seconds)
    return await fetcher.get_json(f"http://127.0.0.1:{server.port}/", private=True)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_not_followed(status: str) -> None:
    async with serve(Server()) as target:
        to = f"http://127.0.0.1:{target.port}/"
        async with serve(Server(status=status, headers={"Location": to, "Content-Length": "0"}, body=b"")) as server:
            with pytest.raises(Unreachable, match="redirects are not followed"):
                await get(server)
            answer = await here().send("GET", f"http://127.0.0.1:{server.port}/", private=True)
        assert (answer.status, answer.headers["location"]) == (int(status[:3]), to)
        assert target.asked == []


@pytest.mark.parametrize(
    ("server", "said"),
    [
        (Server(status="500 Oh"), "answered 500"),
        (Server(status="204 Nothing", headers={}, body=b""), "answered 204"),
        (Server(headers={"Content-Type": "text/html"}), "text/html"),
        (Server(headers={}), "not with application/json"),
        (Server(body=b"<html>"), "not JSON"),
        (Server(body=b"\xff\xfe"), "not JSON"),
        (Server(body=b"[" * 100_000), "not JSON"),
        (Server(body=b"1" * 5000), "not JSON"),
        (Server(headers=JSON | {"Content-Encoding": "gzip"}, body=gzip.compress(b"{}")), "compressed"),
        (Server(headers=JSON | {"Content-Length": "400000"}, body=b" " * 400_000), "more than 262144 bytes"),
        (Server(body=b" " * 400_000), "more than 262144 bytes"),
        (Server(headers=JSON | {"Content-Length": "100"}), "broke off"),
        (Server(headers={"X": "a" * 200_000}), "broke off"),
        (Server(status="nonsense"), "broke off"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_answer_that_is_not_as_it_must_be_is_refused(server: Server, said: str) -> None:
    async with serve(server):
        with pytest.raises(Unreachable, match=said):
            await get(server)


async def test_json_of_another_name_is_taken() -> None:
    async with serve(Server(headers={"Content-Type": "application/jwk-set+json; charset=utf-8"})) as server:
        assert await get(server) == {"a": 1}


async def test_an_answer_that_never_ends_ends() -> None:
    async def for_ever(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b" " * 65536)
            await writer.drain()

    async with serve(Server(goes_on=for_ever)) as server:
        with pytest.raises(Unreachable, match="more than"):
            await get(server)


async def test_a_byte_now_and_then_does_not_keep_us_waiting() -> None:
    enough = asyncio.Event()

    async def dribble(writer: asyncio.StreamWriter) -> None:
        while not enough.is_set():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with serve(Server(goes_on=dribble)) as server:
        with pytest.raises(Unreachable, match=r"within 0\.2 seconds"):
            await get(server, seconds=0.2)
        enough.set()


async def test_a_name_server_that_does_not_answer_does_not_keep_us_waiting() -> None:
    async def never(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(Unreachable, match="did not answer"):
        await Fetch(resolve=never, seconds=0.1).get_json(f"https://{NAME}/")


async def test_a_name_that_means_nothing_is_said_to() -> None:
    async def unknown(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror

    with pytest.raises(Unreachable, match="cannot be resolved"):
        await Fetch(resolve=unknown).get_json(f"https://{NAME}/")
    for nothing in ([], ["nonsense"]):
        with pytest.raises(Unreachable, match="has no address"):
            await here(nothing).get_json(f"https://{NAME}/")


async def test_another_address_is_tried_where_nobody_listens() -> None:
    async with serve(Server()) as server:
        found = await here(["127.0.0.3", "127.0.0.1"]).get_json(f"http://localhost:{server.port}/", private=True)
        assert found == {"a": 1}
    with pytest.raises(Unreachable, match="cannot connect"):
        await here(["127.0.0.3", "127.0.0.1"]).get_json(f"http://localhost:{server.port}/", private=True)


async def test_a_message_is_sent_with_its_headers_but_for_ours() -> None:
    async with serve(Server(status="202 Accepted")) as server:
        answer = await here().send(
            "POST",
            f"http://127.0.0.1:{server.port}/hook?key=s3cret",
            content=json.dumps({"a": 1}).encode(),
            headers=JSON | {"Host": "evil.test", "Accept-Encoding": "gzip", "X-Signature": "abc"},
            private=True,
        )
    assert (answer.status, answer.content) == (202, b'{"a": 1}')
    asked = server.asked[0].lower()
    assert "x-signature: abc" in asked
    assert "evil.test" not in asked
    assert "gzip" not in asked


async def test_what_went_wrong_does_not_tell_the_path() -> None:
    with pytest.raises(Unreachable) as refusal:
        await here().get_json("http://127.0.0.1:1/hook/s3cret?key=s3cret", private=True)
    assert "s3cret" not in refusal.value.message
    assert "s3cret" not in str(fetch.Answer(200, {}, b"s3cret"))
