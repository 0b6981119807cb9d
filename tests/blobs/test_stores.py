"""Which store a URL means, and what it may talk to."""

from pathlib import Path
from typing import Any

import pytest
from obstore.store import AzureStore, GCSStore, S3Store

from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.blobs.object import ObjectStore
from wharfinger.blobs.stores import STORES, StoreSettings, open_store
from wharfinger.errors import Unavailable

KEYS: dict[str, Any] = {"access_key": "account", "secret_key": "c2VjcmV0"}


def backend_of(settings: StoreSettings) -> S3Store | AzureStore | GCSStore:
    store = open_store(settings)
    assert isinstance(store, ObjectStore)
    assert isinstance(store._backend, S3Store | AzureStore | GCSStore)
    return store._backend


async def test_a_folder(tmp_path: Path) -> None:
    store = open_store(StoreSettings(f"file://{tmp_path}/with%20space"))
    assert isinstance(store, FilesystemStore)
    await store.probe()
    assert (tmp_path / "with space" / "uploads").is_dir()
    await store.close()


@pytest.mark.parametrize("url", ["ftp://host/path", "memory://", "/just/a/path", "", "S4://bucket"])
def test_an_unknown_scheme_is_answered_with_the_known_ones(url: str) -> None:
    with pytest.raises(ValueError) as refused:
        open_store(StoreSettings(url))
    assert all(scheme in str(refused.value) for scheme in STORES)


@pytest.mark.parametrize("url", ["file://host/path", "file:relative", "file:", "s3:///key", "gs:bucket", "az://"])
def test_what_is_missing_from_a_url_is_said(url: str) -> None:
    with pytest.raises(ValueError, match="storage: "):
        open_store(StoreSettings(url, **KEYS))


def test_what_the_library_misses_is_said_without_its_innards() -> None:
    with pytest.raises(ValueError, match="Account must be specified") as refused:
        open_store(StoreSettings("az://container"))
    assert "\n" not in str(refused.value)


def test_the_buckets_of_all_clouds() -> None:
    assert isinstance(backend_of(StoreSettings("s3://bucket/a/b", region="eu-central-1", **KEYS)), S3Store)
    assert isinstance(backend_of(StoreSettings("az://container", **KEYS)), AzureStore)
    assert isinstance(backend_of(StoreSettings("gs://bucket")), GCSStore)


@pytest.mark.parametrize(
    ("endpoint", "allowed"), [(None, False), ("https://s3.example.org", False), ("http://127.0.0.1:1", True)]
)
def test_plain_http_is_spoken_only_to_an_endpoint_that_was_given(endpoint: str | None, *, allowed: bool) -> None:
    options = backend_of(StoreSettings("s3://bucket", endpoint=endpoint, **KEYS)).client_options
    assert options is not None
    assert str(options["allow_http"]).lower() == str(allowed).lower()


async def test_an_endpoint_of_the_environment_does_not_get_around_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    store = open_store(StoreSettings("s3://bucket", **KEYS))
    with pytest.raises(Unavailable) as refused:
        await store.probe()
    assert "builder error" in str(refused.value.__cause__)


def test_the_secret_is_in_no_representation() -> None:
    assert "c2VjcmV0" not in repr(StoreSettings("s3://bucket", **KEYS))


def test_s3_is_asked_to_delete_one_by_one() -> None:
    assert "disable_bulk_delete" in backend_of(StoreSettings("s3://bucket", **KEYS)).config
