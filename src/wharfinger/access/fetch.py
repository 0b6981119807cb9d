"""Requests to addresses that somebody else has named, closed against being sent where we should not go.

    fetch = Fetch()
    fields = await fetch.get_json("https://token.actions.githubusercontent.com/.well-known/openid-configuration")
    answer = await fetch.send("POST", url, content=b"…", headers={"Content-Type": "application/json"})

HTTPS only. The name is resolved once, every address it has is looked at, and the connection is made to one of those
very addresses, with the name in the certificate. No redirects, no proxy, no compression; bounded in time and size.
``private`` allows private networks and this machine, there also plain HTTP; see ``addresses.py``.
"""

import asyncio
import json
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx2

from wharfinger import __version__
from wharfinger.access import addresses, tls_errors
from wharfinger.access.addresses import Address
from wharfinger.errors import RequestInvalid, Unreachable

SECONDS = 5.0
SIZE = 256 * 1024
URL_AT_MOST = 2000
ADDRESSES_AT_MOST = 8

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a name and a port to addresses. Raises OSError."""

Sink = Callable[[bytes], object]
"""Takes what comes, piece by piece."""

_NAME = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII
)
_LIKE_A_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.ASCII)
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_OURS = frozenset({"host", "accept-encoding", "connection", "transfer-encoding", "content-length"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status; a redirect is an answer like any other."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be asked for, taken apart."""

    url: SplitResult
    host: str
    port: int
    private: bool

    @property
    def place(self) -> str:
        """Where it is, for messages: neither path nor query, in which there can be a secret."""
        return f"{self.url.scheme}://{self.url.netloc}"


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of the name, as the system resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Fetch:
    """Sends requests; nothing is kept between two of them. ``tls`` says which authorities are believed."""

    def __init__(
        self, *, resolve: Resolve = resolve, tls: ssl.SSLContext | None = None, seconds: float = SECONDS
    ) -> None:
        self._resolve = resolve
        self._tls = tls
        self._seconds = seconds

    async def get_json(self, url: str, *, private: bool = False) -> Any:
        """The JSON that is there. Raises RequestInvalid for a URL that is not asked, and Unreachable."""
        answer = await self.send("GET", url, headers={"Accept": "application/json"}, private=private)
        place = _place(url)
        if answer.status != 200:
            raise Unreachable(f"{place} answered {answer.status}, not 200; redirects are not followed")
        type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if type != "application/json" and not re.fullmatch(r"application/[a-z0-9.-]+\+json", type):
            raise Unreachable(f"{place} answered with {type[:60]!r}, not with application/json")
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            raise Unreachable(f"what {place} answered is not JSON") from error

    async def send(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        private: bool = False,
        size: int = SIZE,
        sink: Sink | None = None,
    ) -> Answer:
        """What is answered, at most ``size`` bytes. Raises RequestInvalid for a URL that is not asked, and Unreachable.

        Unreachable is whatever goes wrong with the network, the certificate, the time or the size. With a ``sink`` what
        comes with status 200 is given to it piece by piece, and is not in the answer; it is called again from the start
        for no other address, since one that answered is the one.
        """
        target = parse(url, private=private)
        with _in_words(target.place, self._seconds):
            async with asyncio.timeout(self._seconds):
                found = await self._addresses(target)
                return await self._send(target, found, method, content, headers or {}, size, sink)

    async def _addresses(self, target: Target) -> list[Address]:
        literal = addresses.parse(target.host)
        texts = [str(literal)] if literal else await self._resolve(target.host, target.port)
        found = [addresses.parse(text.partition("%")[0]) for text in texts[:ADDRESSES_AT_MOST]]
        allowed = [address for address in found if address is not None]
        if not allowed or len(allowed) < len(found):
            raise Unreachable(f"{target.host} has no address")
        for address in allowed:
            reason = addresses.why_not(address, private=target.private)
            if reason is not None:
                # Also when others would do: a name that means both is made to get around this.
                raise RequestInvalid(f"{target.place}: {address} {reason}, and nothing is asked of it")
            if target.url.scheme == "http" and not address.is_loopback:
                raise RequestInvalid(f"{target.place}: plain http goes to this machine alone, and {address} is not it")
        return allowed

    async def _send(
        self,
        target: Target,
        found: Sequence[Address],
        method: str,
        content: bytes | None,
        headers: Mapping[str, str],
        size: int,
        sink: Sink | None,
    ) -> Answer:
        last: Exception | None = None
        async with self._client() as client:
            for address in found:
                request = _request(client, target, address, method, content, headers)
                try:
                    return await _read(client, request, target, size, sink)
                except httpx2.ConnectError as error:
                    last = error
        assert last is not None, "there is at least one address"
        raise last

    def _client(self) -> httpx2.AsyncClient:
        if self._tls is None:
            self._tls = httpx2.create_ssl_context()  # with SSL_CERT_FILE, where that is set
        # One connection for one request: what was checked once is not used for another name.
        limits = httpx2.Limits(max_connections=1, max_keepalive_connections=0)
        return httpx2.AsyncClient(
            verify=self._tls, trust_env=False, follow_redirects=False, limits=limits, timeout=self._seconds
        )


def parse(url: str, *, private: bool = False) -> Target:
    """The URL, as far as it can be judged without resolving its host. Raises RequestInvalid."""
    if len(url) > URL_AT_MOST or not _VISIBLE.fullmatch(url) or "\\" in url:
        raise RequestInvalid(f"not a URL: want at most {URL_AT_MOST} visible ASCII characters")
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError as error:
        raise RequestInvalid(f"{url[:100]} is not a URL: {error}") from error
    host = (split.hostname or "").removesuffix(".")
    if split.scheme != "https" and not (private and split.scheme == "http" and _is_here(host)):
        raise RequestInvalid(f"{split.scheme[:20]}://{host[:80]}: want https")
    if "@" in split.netloc or split.fragment or port == 0:
        raise RequestInvalid(f"https://{host[:80]}: a URL with a user name, a fragment or port 0 is not asked")
    if not _is_host(host, bracketed="[" in split.netloc):
        raise RequestInvalid(f"{host[:80]!r} is no host: want a name, or an address in its usual form")
    return Target(split, host, port or (443 if split.scheme == "https" else 80), private)


def _is_host(host: str, *, bracketed: bool) -> bool:
    address = addresses.parse(host)
    if address is not None:
        return bracketed == (address.version == 6)
    # 127.1, 0x7f000001 and 2130706433 are addresses to some and names to others.
    return not bracketed and _NAME.fullmatch(host) is not None and not _LIKE_A_NUMBER.fullmatch(host.rpartition(".")[2])


def _is_here(host: str) -> bool:
    address = addresses.parse(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _request(
    client: httpx2.AsyncClient,
    target: Target,
    address: Address,
    method: str,
    content: bytes | None,
    headers: Mapping[str, str],
) -> httpx2.Request:
    host = f"[{address}]" if address.version == 6 else str(address)
    path = (target.url.path or "/") + (f"?{target.url.query}" if target.url.query else "")
    own = {"Host": target.url.netloc, "Accept-Encoding": "identity", "Connection": "close"}
    sent = {"User-Agent": f"wharfinger/{__version__}"} | {n: v for n, v in headers.items() if n.lower() not in _OURS}
    return client.build_request(
        method,
        f"{target.url.scheme}://{host}:{target.port}{path}",
        content=content,
        headers=sent | own,
        # The certificate must be the name's, although the connection is made to the address.
        extensions={"sni_hostname": target.host},
    )


async def _read(
    client: httpx2.AsyncClient, request: httpx2.Request, target: Target, size: int, sink: Sink | None
) -> Answer:
    answer = await client.send(request, stream=True)
    try:
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            raise Unreachable(f"{target.place} answers compressed, which was not asked for")
        content = bytearray()
        seen = 0
        take = sink if sink is not None and answer.status_code == 200 else content.extend
        async for chunk in answer.aiter_raw():
            seen += len(chunk)
            if seen > size:
                raise Unreachable(f"{target.place} answers with more than {size} bytes")
            take(chunk)
        return Answer(answer.status_code, {n.lower(): v for n, v in answer.headers.items()}, bytes(content))
    finally:
        await answer.aclose()


def _place(url: str) -> str:
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}"


@contextmanager
def _in_words(place: str, seconds: float) -> Iterator[None]:
    try:
        yield
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise Unreachable(f"{place} did not answer within {seconds:g} seconds") from error
    except socket.gaierror as error:
        raise Unreachable(f"{place}: the name cannot be resolved") from error
    except httpx2.ConnectError as error:
        why = tls_errors.complaint(error) or "the connection was refused, or there is no way there"
        raise Unreachable(f"cannot connect to {place}: {why}") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
        raise Unreachable(f"what {place} answers is not HTTP, or broke off ({type(error).__name__})") from error
