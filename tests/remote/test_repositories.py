"""Registries of every kind, honest and not: what is read has its digest, and credentials stay put."""

import base64
import gzip
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from tests.kit.images import image, index
from tests.remote.registries import Asked, Registry, Reply, running
from wharfinger.errors import ManifestUnknown, Refusal, Unauthorized, Unreachable
from wharfinger.remote import asking, repositories
from wharfinger.remote.asking import Asker
from wharfinger.remote.authorizing import Authorizer
from wharfinger.remote.credentials import Credentials
from wharfinger.remote.references import parse as reference
from wharfinger.remote.repositories import Repositories
from wharfinger.spec import digest as digests

INDEX = index([image(seed=1), image(seed=2)])
ANNA = Credentials("anna", "secret")
BASIC = "Basic " + base64.b64encode(b"anna:secret").decode()

Answering = Callable[[Asked], Reply]


@pytest.fixture
def registry() -> Iterator[Registry]:
    with running() as started:
        yield started


@pytest.fixture
def other() -> Iterator[Registry]:
    with running() as started:
        yield started


@pytest.fixture
def asker() -> Iterator[Asker]:
    asker = Asker()
    yield asker
    asker.close()


def serving(
    *, told: str | None = INDEX.digest, content: bytes = INDEX.raw, kind: str = INDEX.media_type, head: int = 200
) -> Answering:
    def answer(asked: Asked) -> Reply:
        headers = {"Content-Type": kind} | ({"Docker-Content-Digest": told} if told else {})
        return (head if asked.method == "HEAD" else 200), headers, content

    return answer


def guarded(registry: Registry, realm: str, *, scheme: str = "Bearer") -> Answering:
    """Asks for a token, or for a name and a password."""
    challenge = f'{scheme} realm="{realm}",service="the registry",scope="repository:shop/web:pull"'
    wanted = "Bearer let-in" if scheme == "Bearer" else BASIC

    def answer(asked: Asked) -> Reply:
        if asked.path.startswith("/token"):
            return 200, {"Content-Type": "application/json"}, b'{"token": "let-in"}'
        if asked.headers.get("Authorization") != wanted:
            return 401, {"WWW-Authenticate": challenge}, b""
        return serving()(asked)

    return answer


def resolve(asker: Asker, host: str, known: Credentials | None = None, image: str = "shop/web:1.4") -> str:
    found = reference(f"{host}/{image}")
    repositories = Repositories(asker, Authorizer(asker, lambda _: known))
    return repositories.manifest(found, repositories.told(found)).digest


def test_the_digest_is_the_indexs_and_what_it_names_has_been_seen(registry: Registry, asker: Asker) -> None:
    registry.answer = serving()
    assert resolve(asker, registry.host) == INDEX.digest
    assert [(each.method, each.path) for each in registry.asked] == [
        ("HEAD", "/v2/shop/web/manifests/1.4"),
        ("GET", f"/v2/shop/web/manifests/{INDEX.digest}"),
    ]
    assert all(INDEX.media_type in accepted for accepted in registry.seen("Accept"))


@pytest.mark.parametrize("head", [200, 404, 405])
def test_a_registry_that_tells_no_digest_is_read_and_hashed(registry: Registry, asker: Asker, head: int) -> None:
    registry.answer = serving(told=None, head=head)
    assert resolve(asker, registry.host) == INDEX.digest
    assert registry.asked[-1].path == "/v2/shop/web/manifests/1.4"


def test_a_digest_of_another_algorithm_is_kept(registry: Registry, asker: Asker) -> None:
    told = digests.of(INDEX.raw, "sha512")
    registry.answer = serving(told=told)
    assert resolve(asker, registry.host) == told


def test_a_registry_that_lies_about_the_digest_is_not_believed(registry: Registry, asker: Asker) -> None:
    registry.answer = serving(told="sha256:" + "0" * 64)
    with pytest.raises(Unreachable, match="not used"):
        resolve(asker, registry.host)


@pytest.mark.parametrize(
    ("reply", "error", "why"),
    [
        ((404, {}, b""), ManifestUnknown, "does not have it"),
        ((403, {}, b""), Unauthorized, "may not be pulled"),
        ((429, {}, b""), Unreachable, "too often"),
        ((500, {}, b""), Unreachable, "answered 500"),
        ((200, {"Content-Type": "text/html"}, b"<html>"), Unreachable, "text/html, which is no image"),
        ((200, {}, b"{}"), Unreachable, "no image"),
        ((401, {}, b""), Unreachable, "in a way that is not spoken"),
        ((401, {"WWW-Authenticate": 'Negotiate, Basic realm="x"'}, b""), Unauthorized, "docker login"),
        ((401, {"WWW-Authenticate": "Bearer"}, b""), Unreachable, "is not the URL"),
        ((200, {"Content-Encoding": "gzip"}, gzip.compress(b"{}")), Unreachable, "compressed"),
        ((302, {}, b""), Unreachable, "to nowhere"),
        ((302, {"Location": "ftp://127.0.0.1/"}, b""), Unreachable, "not the URL"),
        ((302, {"Location": "http://example.invalid/"}, b""), Unreachable, "not encrypted"),
        ((302, {"Location": "http://a:b@127.0.0.1/"}, b""), Unreachable, "not the URL"),
        ((302, {"Location": "/again"}, b""), Unreachable, "sends on more than"),
        ((200, {}, b" " * (repositories.MANIFEST_AT_MOST + 1)), Unreachable, "more than 4194304 bytes"),
    ],
)
def test_what_is_no_answer_is_said_in_a_sentence(
    registry: Registry, asker: Asker, reply: Reply, error: type[Refusal], why: str
) -> None:
    registry.answer = lambda _: reply
    with pytest.raises(error, match=why):
        resolve(asker, registry.host)
    assert len(registry.asked) <= asking.REDIRECTS_AT_MOST + 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"errors":[{"message":"by the gate\\u001b[31m"}]}', r"refuses it: by the gate\[31m$"),
        (b'{"errors":[7]}', "may not be pulled"),
        (b"no", "may not be pulled"),
    ],
)
def test_a_refusal_is_passed_on_in_the_registrys_words(
    registry: Registry, asker: Asker, content: bytes, why: str
) -> None:
    registry.answer = lambda _: (403, {}, content)
    with pytest.raises(Unauthorized, match=why):
        Repositories(asker, Authorizer(asker, lambda _: None)).manifest(reference(f"{registry.host}/shop/web:1.4"))


def test_nobody_there_is_said_too(asker: Asker) -> None:
    with running() as gone:
        host = gone.host
    with pytest.raises(Unreachable, match="cannot connect"):
        resolve(asker, host)


def test_an_answer_that_never_ends_is_given_up(registry: Registry) -> None:
    registry.answer = serving()
    late = Asker(seconds=-1)
    with pytest.raises(Unreachable, match="did not finish"):
        resolve(late, registry.host)
    late.close()


def test_plain_http_is_for_this_machine_and_for_what_is_named() -> None:
    assert Asker().is_plain("localhost:5000")
    assert Asker().is_plain("[::1]:5000")
    assert not Asker().is_plain("registry.example.org")
    assert Asker(frozenset({"registry.example.org:5000"})).is_plain("registry.example.org:5000")
    assert not Asker(frozenset({"registry.example.org:5000"})).is_plain("registry.example.org")


def test_nobody_gets_a_token_where_nobody_may_pull(registry: Registry, asker: Asker) -> None:
    registry.answer = guarded(registry, f"http://{registry.host}/token")
    assert resolve(asker, registry.host) == INDEX.digest
    token = next(each for each in registry.asked if each.path.startswith("/token"))
    assert token.path == "/token?scope=repository%3Ashop%2Fweb%3Apull&service=the+registry"
    assert "Authorization" not in token.headers
    assert registry.seen("Authorization")[-1] == "Bearer let-in"


def test_credentials_go_to_the_realm_and_the_token_to_the_registry(
    registry: Registry, other: Registry, asker: Asker
) -> None:
    registry.answer = guarded(registry, f"http://{other.host}/token")
    other.answer = registry.answer
    assert resolve(asker, registry.host, ANNA) == INDEX.digest
    assert other.seen("Authorization") == [BASIC]
    assert registry.seen("Authorization") == ["", "Bearer let-in", "Bearer let-in"]


def test_an_identity_token_buys_one_by_a_form(registry: Registry, asker: Asker) -> None:
    registry.answer = guarded(registry, f"http://{registry.host}/token")
    assert resolve(asker, registry.host, Credentials("", "", "identity")) == INDEX.digest
    posted = next(each for each in registry.asked if each.method == "POST")
    assert b"grant_type=refresh_token" in posted.body
    assert b"refresh_token=identity" in posted.body


def test_a_name_and_a_password_where_that_is_what_is_asked_for(registry: Registry, asker: Asker) -> None:
    registry.answer = guarded(registry, "x", scheme="Basic")
    assert resolve(asker, registry.host, ANNA) == INDEX.digest


def test_what_is_sent_on_elsewhere_goes_without_credentials(registry: Registry, other: Registry, asker: Asker) -> None:
    inner = guarded(registry, "x", scheme="Basic")
    other.answer = serving()
    registry.answer = lambda asked: (
        (307, {"Location": f"http://{other.host}{asked.path}"}, b"") if inner(asked)[0] == 200 else inner(asked)
    )
    assert resolve(asker, registry.host, ANNA) == INDEX.digest
    assert BASIC in registry.seen("Authorization")
    assert other.seen("Authorization") == ["", ""]


def test_a_realm_that_sends_on_is_not_followed(registry: Registry, other: Registry, asker: Asker) -> None:
    inner = guarded(registry, f"http://{registry.host}/token")
    registry.answer = lambda asked: (
        (307, {"Location": f"http://{other.host}/token"}, b"") if asked.path.startswith("/token") else inner(asked)
    )
    with pytest.raises(Unreachable, match="gives no token"):
        resolve(asker, registry.host, ANNA)
    assert other.asked == []


@pytest.mark.parametrize("realm", ["http://registry.invalid/token", "", "x:y"])
def test_credentials_are_never_sent_unencrypted(registry: Registry, realm: str) -> None:
    plain = Asker(frozenset({"registry.invalid"}))  # not even to what may be asked in plain
    registry.answer = guarded(registry, realm)
    with pytest.raises((Unauthorized, Unreachable), match=r"unencrypted|no URL"):
        resolve(plain, registry.host, ANNA)
    plain.close()


def test_nobody_elsewhere_has_credentials_sent_into_this_machine(asker: Asker) -> None:
    authorizer = Authorizer(asker, lambda _: ANNA)
    with pytest.raises(Unauthorized, match="unencrypted"):
        authorizer.require_sealed("http://127.0.0.1/token", "https://evil.example/v2/", reference("evil.example/a"))


def test_wrong_credentials_are_said_to_be_wrong(registry: Registry, asker: Asker) -> None:
    inner = guarded(registry, f"http://{registry.host}/token")
    registry.answer = lambda asked: (401, {}, b"") if asked.path.startswith("/token") else inner(asked)
    with pytest.raises(Unauthorized, match="does not accept"):
        resolve(asker, registry.host, ANNA)
    with pytest.raises(Unauthorized, match="wants credentials: run 'docker login"):
        resolve(asker, registry.host)


def test_where_a_program_has_the_credentials_it_is_named(registry: Registry, asker: Asker) -> None:
    inner = guarded(registry, f"http://{registry.host}/token")
    registry.answer = lambda asked: (401, {}, b"") if asked.path.startswith("/token") else inner(asked)
    repositories = Repositories(asker, Authorizer(asker, lambda _: None, lambda _: "desktop"))
    with pytest.raises(Unauthorized, match="docker-credential-desktop has none"):
        repositories.manifest(reference(f"{registry.host}/shop/web:1"))


def test_from_an_encrypted_registry_nobody_is_sent_to_one_that_is_not(
    other: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    asker = Asker()
    with running(context) as sealed:
        sealed.answer = lambda _: (302, {"Location": f"http://{other.host}/"}, b"")
        with pytest.raises(Unreachable, match="which is not encrypted"):
            asker.send("GET", f"https://{sealed.host}/", {}, size=1)
    asker.close()
    assert len(sealed.asked) == 1
    assert other.asked == []


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"token": 5}', b'{"token": "a\\nb"}', b"[" * 100_000])
def test_a_realm_that_gives_nothing_is_told_of(registry: Registry, asker: Asker, content: bytes) -> None:
    inner = guarded(registry, f"http://{registry.host}/token")
    registry.answer = lambda asked: (200, {}, content) if asked.path.startswith("/token") else inner(asked)
    with pytest.raises(Unreachable, match="gives no token"):
        resolve(asker, registry.host)
