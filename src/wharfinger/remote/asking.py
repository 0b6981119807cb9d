"""One bounded request after another to somebody's registry, where credentials go no further than they should."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address

import httpx2

from wharfinger import __version__
from wharfinger.access import tls_errors
from wharfinger.errors import Unreachable

SECONDS = 30.0
SECONDS_IN_ALL = 90.0
BYTES_A_SECOND = 64 * 1024
"""What a body that is streamed must manage on the whole, besides never pausing longer than SECONDS."""
REDIRECTS_AT_MOST = 5
URL_AT_MOST = 8192
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Body = bytes | Iterable[bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """``headers`` have names in lower case; those given several times are joined by commas."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose content comes in ``chunks``, which raise Unreachable where it breaks off or does not end."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class Asker:
    """Sends requests; closed by its owner. ``plain`` are hosts, with their ports, that are asked without TLS."""

    def __init__(self, plain: frozenset[str] = frozenset(), seconds: float = SECONDS_IN_ALL) -> None:
        self._plain = plain
        self._seconds = seconds
        self._clients: dict[bool, httpx2.Client] = {}

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def is_plain(self, host: str) -> bool:
        """Whether the host, perhaps with a port, is asked by http: this machine, and what was named."""
        return host in self._plain or is_here(httpx2.URL(f"http://{host}").host)

    def send(self, method: str, url: str, headers: Mapping[str, str], *, size: int, follow: bool = True) -> Answer:
        """The answer, after redirects if they are to be followed. Raises Unreachable.

        What is in Authorization stays with the host that ``url`` names.
        """
        with self.stream(method, url, headers, size=size, follow=follow, seconds=self._seconds) as stream:
            return Answer(stream.status, stream.headers, b"".join(stream.chunks))

    def post(self, url: str, form: Mapping[str, str], *, size: int) -> Answer:
        """The answer to a form, which is sent nowhere else. Raises Unreachable."""
        return self._read(self._request("POST", self._target(url), {}, form=form), size, self._seconds)

    def upload(
        self, method: str, url: str, headers: Mapping[str, str], body: Body, length: int, *, size: int
    ) -> Answer:
        """The answer to ``length`` bytes of a body, which are sent nowhere else. Raises Unreachable."""
        sent = dict(headers) | {"Content-Length": str(length)}
        request = self._request(method, self._target(url), sent, body=body)
        return self._read(request, size, self._seconds + length / BYTES_A_SECOND)

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        size: int,
        follow: bool = True,
        seconds: float | None = None,
    ) -> Iterator[Stream]:
        """The answer while it comes, at most ``size`` bytes of it. Raises Unreachable, also from its chunks."""
        allowed = self._seconds + size / BYTES_A_SECOND if seconds is None else seconds
        deadline = time.monotonic() + allowed
        first = target = self._target(url)
        for _ in range(REDIRECTS_AT_MOST + 1):
            sent = {k: v for k, v in headers.items() if k != "Authorization" or _origin(target) == _origin(first)}
            answer = self._opened(self._request(method, target, sent))
            try:
                if answer.status_code not in _REDIRECTS or not follow:
                    yield Stream(
                        answer.status_code, _headers(answer), self._chunks(answer, target, size, deadline, allowed)
                    )
                    return
            finally:
                answer.close()
            target = self._next(target, answer.headers.get("location", ""))
        raise Unreachable(f"{_place(first)} sends on more than {REDIRECTS_AT_MOST} times")

    def _target(self, url: str) -> httpx2.URL:
        with _in_words(url[:200]):
            target = httpx2.URL(url)
        if target.scheme not in {"http", "https"} or not target.host or target.userinfo or len(url) > URL_AT_MOST:
            raise Unreachable(f"{url[:200]} is not the URL of a registry")
        if target.scheme == "http" and not self.is_plain(target.netloc.decode("ascii")):
            raise Unreachable(f"{_place(target)} is not encrypted, and is not asked without --plain-http")
        return target

    def _next(self, target: httpx2.URL, location: str) -> httpx2.URL:
        if not location:
            raise Unreachable(f"{_place(target)} sends on to nowhere")
        with _in_words(target):
            following = target.join(location)
        if target.scheme == "https" and following.scheme != "https":
            raise Unreachable(f"{_place(target)} sends on to {_place(following)}, which is not encrypted")
        return self._target(str(following))

    def _request(
        self,
        method: str,
        target: httpx2.URL,
        headers: Mapping[str, str],
        *,
        form: Mapping[str, str] | None = None,
        body: Body | None = None,
    ) -> httpx2.Request:
        own = {"User-Agent": f"wharfinger/{__version__}", "Accept-Encoding": "identity"}
        return self._client(target).build_request(method, target, headers=dict(headers) | own, data=form, content=body)

    def _opened(self, request: httpx2.Request) -> httpx2.Response:
        with _in_words(request.url):
            answer = self._client(request.url).send(request, stream=True)
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            answer.close()
            raise Unreachable(f"{_place(request.url)} answers compressed, which was not asked for")
        return answer

    def _read(self, request: httpx2.Request, size: int, seconds: float) -> Answer:
        deadline = time.monotonic() + seconds
        answer = self._opened(request)
        try:
            content = b"".join(self._chunks(answer, request.url, size, deadline, seconds))
            return Answer(answer.status_code, _headers(answer), content)
        finally:
            answer.close()

    def _chunks(
        self, answer: httpx2.Response, target: httpx2.URL, size: int, deadline: float, seconds: float
    ) -> Iterator[bytes]:
        read = 0
        with _in_words(target):
            for chunk in answer.iter_raw():
                read += len(chunk)
                if read > size:
                    raise Unreachable(f"{_place(target)} answers with more than {size} bytes")
                if time.monotonic() > deadline:
                    raise Unreachable(f"{_place(target)} did not finish its answer within {seconds:g} seconds")
                yield chunk

    def _client(self, target: httpx2.URL) -> httpx2.Client:
        here = is_here(target.host)
        if here not in self._clients:
            self._clients[here] = httpx2.Client(
                verify=httpx2.create_ssl_context(),  # with SSL_CERT_FILE, which trust_env would govern as well
                trust_env=not here,  # a proxy is not asked for what is on this machine
                follow_redirects=False,
                timeout=SECONDS,
            )
        self._clients[here].cookies.clear()
        return self._clients[here]


def is_here(host: str) -> bool:
    """Whether what is sent there does not leave this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _headers(answer: httpx2.Response) -> Mapping[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _place(url: httpx2.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}"


@contextmanager
def _in_words(target: httpx2.URL | str) -> Iterator[None]:
    """What the network and the HTTP library complain of, for people."""
    place = target if isinstance(target, str) else _place(target)
    try:
        yield
    except httpx2.TimeoutException as error:
        raise Unreachable(f"{place} did not answer within {SECONDS:g} seconds") from error
    except httpx2.ConnectError as error:
        raise Unreachable(f"cannot connect to {place}: {_reason(error)}") from error
    except httpx2.InvalidURL as error:
        raise Unreachable(f"{place}: {error}") from error
    except httpx2.HTTPError as error:
        raise Unreachable(f"what {place} answers is not HTTP, or broke off ({type(error).__name__})") from error


def _reason(error: httpx2.ConnectError) -> str:
    return tls_errors.complaint(error) or str(error).partition("] ")[2] or str(error)
