"""The byte stores there are, by the scheme of their URL."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from wharfinger.blobs.arriving import Arriving
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.blobs.notes import FileNotes, Notes, ObjectNotes
from wharfinger.blobs.object import ObjectStore
from wharfinger.blobs.stock import Stock
from wharfinger.blobs.stock_files import FileStock
from wharfinger.blobs.stock_objects import ObjectStock
from wharfinger.blobs.store import BlobStore

if TYPE_CHECKING:
    # These exist for type checkers only.
    from obstore.store import ClientConfig, RetryConfig
    from obstore.store import ObjectStore as Backend


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where bytes are kept, and with which credentials; those of the environment are used where none are given."""

    url: str
    """``file:///path``, ``s3://bucket/prefix``, ``gs://bucket/prefix`` or ``az://container/prefix``"""
    endpoint: str | None = None
    """The service's own URL; plain HTTP is spoken only to one that is given here."""
    region: str | None = None
    access_key: str | None = None
    """For ``az`` the name of the account."""
    secret_key: str | None = field(default=None, repr=False)
    """For ``az`` the key of the account, for ``gs`` the path of a service account's file."""
    keep_free: int = 0
    """Bytes of the disk that blobs leave alone; only for ``file``."""
    presign: bool = False
    """Whether clients are sent to the object store for the bytes."""

    @property
    def container(self) -> str:
        """The bucket or container."""
        return urlsplit(self.url).netloc

    @property
    def path(self) -> str:
        """What follows the container."""
        return unquote(urlsplit(self.url).path)

    @property
    def prefix(self) -> str:
        """The same as objects' keys begin with it."""
        return self.path.strip("/")


def open_store(settings: StoreSettings) -> BlobStore:
    """The store that ``settings`` describe; connects to nothing yet. Raises ValueError when there is none."""
    if (backend := _backend(settings)) is not None:
        return ObjectStore(backend, prefix=settings.prefix, presign=settings.presign)
    return FilesystemStore(Path(settings.path), keep_free=settings.keep_free)


def open_notes(settings: StoreSettings) -> Notes:
    """The notes beside these blobs, in the same way."""
    if (backend := _backend(settings)) is not None:
        return ObjectNotes(backend, prefix=settings.prefix)
    return FileNotes(Path(settings.path))


def open_arriving(settings: StoreSettings) -> Arriving | None:
    """What is on its way into the store; None where that cannot be seen, as in every store of objects."""
    return Arriving(Path(settings.path)) if _backend(settings) is None else None


def open_stock(settings: StoreSettings) -> Stock:
    """What is really in the store, in the same way."""
    if (backend := _backend(settings)) is not None:
        return ObjectStock(backend, prefix=settings.prefix)
    return FileStock(Path(settings.path))


def _backend(settings: StoreSettings) -> "Backend | None":
    """Where objects are put; None for files."""
    scheme = urlsplit(settings.url).scheme
    if scheme not in STORES:
        raise ValueError(f"storage: unknown scheme {scheme!r}; use one of {', '.join(STORES)}")
    try:
        return STORES[scheme](settings)
    except BaseError as error:
        # Its first line says what is missing; what follows is the library's own view of itself.
        raise ValueError(f"storage: {str(error).partition(chr(10))[0]}") from error


def _file(settings: StoreSettings) -> None:
    if settings.container or not settings.path.startswith("/"):
        raise ValueError("storage: a folder is given as file:///path, with three slashes")


def _s3(settings: StoreSettings) -> "Backend":
    options = _given(
        endpoint=settings.endpoint,
        region=settings.region,
        access_key_id=settings.access_key,
        secret_access_key=settings.secret_key,
    )
    return S3Store(
        _container(settings),
        disable_bulk_delete=True,  # not every S3 can delete in bulk, and we delete one by one
        client_options=_client(settings),
        retry_config=RETRIES,
        **options,
    )


def _gs(settings: StoreSettings) -> "Backend":
    options = _given(base_url=settings.endpoint, service_account=settings.secret_key)
    return GCSStore(_container(settings), client_options=_client(settings), retry_config=RETRIES, **options)


def _az(settings: StoreSettings) -> "Backend":
    options = _given(endpoint=settings.endpoint, account_name=settings.access_key, account_key=settings.secret_key)
    return AzureStore(_container(settings), client_options=_client(settings), retry_config=RETRIES, **options)


def _container(settings: StoreSettings) -> str:
    if not settings.container:
        raise ValueError(f"storage: {settings.url!r} names no bucket or container")
    return settings.container


def _given(**options: str | None) -> dict[str, Any]:
    """Without those that are None: the environment's are used for them."""
    return {name: value for name, value in options.items() if value is not None}


RETRIES: "RetryConfig" = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
}


def _client(settings: StoreSettings) -> "ClientConfig":
    return {
        "allow_http": (settings.endpoint or "").startswith("http://"),
        "connect_timeout": timedelta(seconds=5),
        # Silence for so long is a failure; a large blob for a slow client is not, however long it takes.
        "read_timeout": timedelta(seconds=60),
        "timeout": timedelta(days=1),
    }


STORES: Mapping[str, Callable[[StoreSettings], "Backend | None"]] = {"file": _file, "s3": _s3, "gs": _gs, "az": _az}
