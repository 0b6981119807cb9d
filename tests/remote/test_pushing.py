"""Blobs that are pulled and artifacts that are pushed: a registry that a test leads by the hand, and our own."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit.images import image
from tests.kit.parts.wharf import wharf
from tests.remote.registries import Asked, Registry, Reply, running
from wharfinger.errors import BlobUnknown, Denied, Refusal, Unauthorized, Unreachable
from wharfinger.remote.asking import Asker
from wharfinger.remote.authorizing import Authorizer
from wharfinger.remote.credentials import Credentials
from wharfinger.remote.pushing import Content, Pusher
from wharfinger.remote.references import parse as reference
from wharfinger.remote.repositories import Repositories
from wharfinger.spec import digest as digests

PASSWORD = "correct horse battery"
IMAGE = image(layers=[b"the layer " * 100_000])
(CONFIG, CONFIG_DIGEST), (LAYER, DIGEST) = ((content, digest) for digest, content in IMAGE.blobs.items())
BASIC = "Basic " + base64.b64encode(b"anna:secret").decode()


@pytest.fixture
def asker() -> Iterator[Asker]:
    asker = Asker()
    yield asker
    asker.close()


@pytest.fixture
def registry() -> Iterator[Registry]:
    with running() as started:
        yield started


@pytest.fixture
def elsewhere() -> Iterator[Registry]:
    with running() as started:
        yield started


def repositories(asker: Asker, known: Credentials | None = None) -> Repositories:
    return Repositories(asker, Authorizer(asker, lambda _: known))


def pulled(asker: Asker, host: str, known: Credentials | None = None, size: int = len(LAYER)) -> bytes:
    with repositories(asker, known).blob(reference(f"{host}/shop/web"), DIGEST, size) as chunks:
        return b"".join(chunks)


def content(raw: bytes) -> Content:
    @contextmanager
    def opened() -> Iterator[list[bytes]]:
        yield [raw[:1000], raw[1000:]]

    return Content(digests.of(raw), len(raw), opened)


def test_a_blob_comes_in_pieces_and_whole(registry: Registry, asker: Asker) -> None:
    registry.answer = lambda _: (200, {}, LAYER)
    assert pulled(asker, registry.host) == LAYER
    assert registry.asked[0].path == f"/v2/shop/web/blobs/{DIGEST}"


@pytest.mark.parametrize(
    ("reply", "error", "why"),
    [
        ((200, {}, LAYER[:-1]), Unreachable, "another digest or size"),
        ((200, {}, LAYER[:-1] + b"!"), Unreachable, "another digest or size"),
        ((200, {}, LAYER + b"!"), Unreachable, "more than"),
        ((404, {}, b""), BlobUnknown, "does not have"),
        ((403, {}, b""), Unauthorized, "may not be pulled"),
        ((302, {"Location": "http://example.invalid/blob"}, b""), Unreachable, "not encrypted"),
    ],
)
def test_what_is_not_the_blob_is_not_taken_for_it(
    registry: Registry, asker: Asker, reply: Reply, error: type[Refusal], why: str
) -> None:
    registry.answer = lambda _: reply
    with pytest.raises(error, match=why):
        pulled(asker, registry.host)


def test_where_a_blob_is_elsewhere_it_is_asked_for_without_credentials(
    registry: Registry, elsewhere: Registry, asker: Asker
) -> None:
    def guarded(asked: Asked) -> Reply:
        if asked.headers.get("Authorization") != BASIC:
            return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
        return 307, {"Location": f"http://{elsewhere.host}/bucket/blob?signature=1"}, b""

    registry.answer, elsewhere.answer = guarded, lambda _: (200, {}, LAYER)
    assert pulled(asker, registry.host, Credentials("anna", "secret")) == LAYER
    assert registry.seen("Authorization") == ["", BASIC]
    assert elsewhere.seen("Authorization") == [""]


def test_an_upload_that_is_sent_elsewhere_goes_without_credentials(
    registry: Registry, elsewhere: Registry, asker: Asker
) -> None:
    def guarded(asked: Asked) -> Reply:
        if asked.headers.get("Authorization") != BASIC:
            return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
        if asked.method == "HEAD":
            return 404, {}, b""
        return 202, {"Location": f"http://{elsewhere.host}/upload?id=1"}, b""

    registry.answer, elsewhere.answer = guarded, lambda _: (201, {}, b"")
    pusher = Pusher(asker, repositories(asker, Credentials("anna", "secret")))
    pusher.blob(reference(f"{registry.host}/shop/web"), content(LAYER))
    (put,) = elsewhere.asked
    assert (put.method, put.path, put.body) == ("PUT", f"/upload?id=1&digest={DIGEST}", LAYER)
    assert "Authorization" not in put.headers


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [(202, {}, Unreachable), (403, {}, Denied), (500, {}, Unreachable), (404, {}, Unreachable)],
)
def test_a_registry_that_takes_nothing_is_told_of(
    registry: Registry, asker: Asker, status: int, headers: dict[str, str], error: type[Refusal]
) -> None:
    registry.answer = lambda asked: (404, {}, b"") if asked.method == "HEAD" else (status, headers, b"")
    with pytest.raises(error):
        Pusher(asker, repositories(asker)).blob(reference(f"{registry.host}/shop/web"), content(LAYER))


@pytest.mark.slow
def test_our_own_registry_takes_and_gives_an_image(tmp_path: Path, asker: Asker) -> None:
    known = Credentials("admin", PASSWORD)
    with wharf(tmp_path, password=PASSWORD) as host:
        there, reading = reference(f"{host}/shop/web:1"), repositories(asker, known)
        pusher = Pusher(asker, reading)
        for raw in (CONFIG, LAYER, LAYER):
            pusher.blob(there, content(raw))
        pusher.manifest(there, IMAGE.raw, IMAGE.media_type, tag="1")
        fresh = repositories(asker, known)
        assert fresh.told(there) == IMAGE.digest
        assert fresh.manifest(there).raw == IMAGE.raw
        assert pulled(asker, host, known) == LAYER
        with pytest.raises(Unauthorized):
            Pusher(asker, repositories(asker)).blob(there, content(b"another"))
