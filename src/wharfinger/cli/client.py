"""Asks the management API, and says in a sentence what went wrong."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx2

from wharfinger.access import tls_errors
from wharfinger.cli import logins
from wharfinger.cli.logins import Login
from wharfinger.cli.output import clean
from wharfinger.errors import DeviceLoginOpen, Refusal, Unauthorized

TIMEOUT = 30.0
LONG_TIMEOUT = 600.0
"""For what may look at a million images before it answers."""


class Client:
    """One registry, as somebody or as nobody; closed at the end of a ``with``.

    ``account`` is a name and a password, where there is no token. ``renew`` gives another token for one that has ended.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        account: tuple[str, str] | None = None,
        renew: Callable[[], str] | None = None,
    ) -> None:
        self._url = url
        self._name = account[0] if account else None if token else "you"
        self._http = httpx2.Client(
            base_url=f"{url}/api/v1",
            auth=_Bearer(token, renew) if token else account,
            timeout=TIMEOUT,
            verify=httpx2.create_ssl_context(),  # with SSL_CERT_FILE, which trust_env would govern as well
            trust_env=not is_loopback(url),  # a proxy is not asked for what is on this machine
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **parameters: str) -> Any:
        """The JSON that is answered. Raises Refusal, and Unauthorized where that is the reason."""
        return self._ask("GET", path, params=parameters)

    def text(self, path: str, **parameters: str) -> str:
        """What is answered as it is, where it is a document of another format."""
        with in_words(self._url):
            answer = self._http.get(path, params=parameters, timeout=LONG_TIMEOUT)
            if not answer.is_success:
                self._read(answer)
            return answer.text

    def post(self, path: str, fields: dict[str, Any], *, quick: bool = False) -> Any:
        """The same for a change, and for what may take as long."""
        return self._ask("POST", path, json=fields, timeout=TIMEOUT if quick else LONG_TIMEOUT)

    def put(self, path: str, fields: dict[str, Any] | None) -> Any:
        """The same for what is there afterwards, whatever was there before."""
        return self._ask("PUT", path, json=fields)

    def patch(self, path: str, fields: dict[str, Any]) -> Any:
        return self._ask("PATCH", path, json=fields)

    def delete(self, path: str) -> None:
        self._ask("DELETE", path)

    def delete_with(self, path: str, **parameters: str) -> Any:
        """The JSON that is answered where what goes is named in the query."""
        return self._ask("DELETE", path, params=parameters)

    def lines(self, path: str, fields: dict[str, Any]) -> Iterator[bytes]:
        """The lines that are answered to a POST, as they come. Raises Refusal, also when they were cut off."""
        with in_words(self._url), self._http.stream("POST", path, json=fields, timeout=LONG_TIMEOUT) as answer:
            if not answer.is_success:
                answer.read()
                self._read(answer)
            rest = b""
            for chunk in answer.iter_bytes():
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole

    def send(self, path: str, content: bytes, kind: str, **parameters: str) -> Any:
        """The JSON that is answered to a POST of bytes of this kind."""
        return self._ask(
            "POST", path, content=content, params=parameters, headers={"Content-Type": kind}, timeout=LONG_TIMEOUT
        )

    def pages(self, path: str, key: str, first: str = "", **parameters: str) -> Iterator[dict[str, Any]]:
        """The entries of a list, page after page, behind ``first``."""
        last: str | None = first
        while last is not None:
            page = self.get(path, last=last, **parameters)
            yield from page[key]
            last = page["next"]

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        with in_words(self._url):
            answer = self._http.request(method, path, **content)
            if answer.status_code == 204:
                return None
            return self._read(answer)

    def _read(self, answer: httpx2.Response) -> Any:
        return _read(answer, self._url, self._name)


class _Bearer(httpx2.Auth):
    """Shows the token; and once another one, where there is, if it is refused."""

    def __init__(self, token: str, renew: Callable[[], str] | None) -> None:
        self._token = token
        self._renew = renew

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == 401 and self._renew is not None:
            self._token = self._renew()
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request


def logged_in() -> Client:
    """The registry that this user has logged in to. Raises Refusal."""
    return by_login(logins.load())


def by_login(login: Login) -> Client:
    """The registry of the login. One by workload is renewed when it has ended, as long as there are tokens for it."""
    from wharfinger.cli import workload

    return Client(login.url, login.token, renew=partial(workload.renewed, login) if login.audience else None)


def user_path(name: str) -> str:
    """The path of an account; a name that cannot be one stays a single segment, for the server to refuse."""
    return f"/users/{quoted(name)}"


def quoted(text: str) -> str:
    """``text`` as a single segment of a path."""
    return quote(text, safe="")


def registry_url(text: str) -> str:
    """The registry's address from what was typed: without a scheme https is meant, on this machine http."""
    if "://" not in text:
        text = f"http://{text}" if is_loopback(f"http://{text}") else f"https://{text}"
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise Refusal(f"{text} is not a URL: {error}") from error
    if "@" in url.netloc:
        raise Refusal("a user name or password in a URL is seen by everybody on this machine: use --username")
    if url.scheme not in {"http", "https"} or not url.hostname or url.path.strip("/") or url.query or url.fragment:
        raise Refusal(f"{text} is not a registry's address: want https://HOST or https://HOST:PORT")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"{url.scheme}://{host}:{port}" if port else f"{url.scheme}://{host}"


def is_loopback(url: str) -> bool:
    """Whether what is sent there does not leave this machine."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _read(answer: httpx2.Response, url: str, name: str | None) -> Any:
    """What a registry of ours answers; anything else is somebody else's answer.

    ``name`` is whose password was shown, where one was.
    """
    fields = answer.json() if answer.headers.get("content-type", "").startswith("application/json") else None
    if answer.is_success and fields is not None:
        return fields
    if answer.is_redirect:
        raise Refusal(f"{url} sends on to {clean(answer.headers.get('location', 'nowhere'))}: log in there")
    match fields:
        case {"error": str(error), "errors": [{"message": str(message)}, *_]}:
            raise DeviceLoginOpen(error, clean(message))
        case {"errors": [{"message": str(message)}, *_]} if answer.status_code == 401 and name is not None:
            raise Unauthorized(f"{url} does not let {name} in: {clean(message)}")
        case {"errors": [{"message": str()}, *_]} if answer.status_code == 401:
            raise Unauthorized(f"the login to {url} has expired or was ended: run 'wharf login {url}'")
        case {"errors": [{"message": str(message)}, *_]}:
            raise Refusal(clean(message))
    raise Refusal(f"{url} is not a Wharfinger registry: it answered {answer.status_code} without saying why")


@contextmanager
def in_words(url: str, seconds: float | None = None) -> Iterator[None]:
    """What the network and the HTTP library complain of, for people. Waited is for ``TIMEOUT`` unless it is said."""
    try:
        yield
    except httpx2.TimeoutException as error:
        raise Refusal(f"{url} did not answer within {seconds or TIMEOUT:g} seconds") from error
    except httpx2.ConnectError as error:
        raise Refusal(f"cannot connect to {url}: {_reason(error)}") from error
    except httpx2.RemoteProtocolError as error:
        raise Refusal(f"{url} does not speak HTTP, or only HTTPS: check the address") from error
    except httpx2.HTTPError as error:
        raise Refusal(f"the connection to {url} failed: {error}") from error
    except ValueError as error:  # JSON by its Content-Type alone
        raise Refusal(f"{url} is not a Wharfinger registry: what it answered is not JSON") from error


def _reason(error: httpx2.ConnectError) -> str:
    return tls_errors.complaint(error) or str(error).partition("] ")[2] or str(error)
