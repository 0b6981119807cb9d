"""Azurite, Microsoft's own emulator of Azure Blob storage."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from urllib.request import Request, urlopen

from tests.kit.parts.process import answers, free_port, program
from tests.kit.parts.stores import Azure
from tests.kit.parts.tools import installed, tool

_ACCOUNT, _KEY = "tests", base64.b64encode(b"a key known to the tests alone").decode()
_VERSION = "2021-12-02"


@contextmanager
def azurite(folder: Path) -> Iterator[Azure]:
    """An Azurite with its blobs in folder, and a new container in it."""
    port = free_port()
    with program(
        [
            tool("node"), installed("azurite") / "node_modules" / ".bin" / "azurite-blob",
            *("--blobHost", "127.0.0.1"), *("--blobPort", str(port)), *("--location", folder / "azurite"),
            "--silent", "--skipApiVersionCheck", "--disableTelemetry",
        ],
        folder / "azurite.log",
        ready=lambda: answers(port),
        env={"AZURITE_ACCOUNTS": f"{_ACCOUNT}:{_KEY}"},
    ):  # fmt: skip
        store = Azure(f"http://127.0.0.1:{port}/{_ACCOUNT}", "tests", _ACCOUNT, _KEY)
        _create_container(store)
        yield store


def _create_container(store: Azure) -> None:
    """By a request signed with the account's key, as "Authorize with Shared Key" describes it."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": _VERSION}
    lines = ["PUT", *[""] * 11, *(f"{name}:{value}" for name, value in headers.items())]
    lines += [f"/{store.account}/{store.account}/{store.container}", "restype:container"]
    digest = hmac.digest(base64.b64decode(store.key), "\n".join(lines).encode(), hashlib.sha256)
    headers["Authorization"] = f"SharedKey {store.account}:{base64.b64encode(digest).decode()}"
    request = Request(f"{store.endpoint}/{store.container}?restype=container", method="PUT", headers=headers)
    with urlopen(request) as answer:
        answer.read()
