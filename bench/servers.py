"""The two registries under load: ours as ``wharf serve`` starts it, and Debian's docker-registry."""

import base64
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.disks import Bucket, Disk, Files
from tests.kit.parts.process import answers, free_port, program
from tests.kit.parts.stores import S3
from tests.kit.parts.tools import tool

ACCOUNT = ("admin", "a password for the benchmark")


@dataclass(frozen=True)
class Server:
    """A running registry; ``group`` is its process group. Ours has an account and a database."""

    name: str
    host: str
    account: tuple[str, str] | None
    folder: Path
    group: int
    database: str
    disk: Disk

    @property
    def ours(self) -> bool:
        """Whether this is Wharfinger."""
        return self.account is not None

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {} if self.account is None else {"Authorization": f"Basic {basic(self.account)}"}


@dataclass(frozen=True)
class Backend:
    """Where the registries keep things: with neither, each in files of its own."""

    name: str
    database: str | None = None
    ours: S3 | None = None
    peer: S3 | None = None


def basic(account: tuple[str, str]) -> str:
    """The account as HTTP's basic authentication wants it."""
    return base64.b64encode(":".join(account).encode()).decode()


OUR_SETTINGS: Mapping[str, str] = {
    "WHARF_ACCESS_LOG": "false",
    "WHARF_LOG_LEVEL": "error",
    "WHARF_SCAN_ON_PUSH": "false",  # the peer scans nothing
}


@contextmanager
def wharfinger(command: Path, folder: Path, backend: Backend, more: Mapping[str, str]) -> Iterator[Server]:
    """`wharf serve` with authentication and its data in folder."""
    home, port = folder / "wharfinger", free_port()
    home.mkdir()
    environment = {
        **OUR_SETTINGS,
        **_our_store(backend),
        **more,
        "WHARF_ADMIN_PASSWORD": ACCOUNT[1],
        "WHARF_DATA": str(home),
        "WHARF_LISTEN": f"127.0.0.1:{port}",
    }
    with program(
        [command, "serve"], folder / "wharfinger.log", ready=lambda: answers(port, "/healthz"), env=environment
    ) as pid:
        yield Server(
            name="wharfinger",
            host=f"127.0.0.1:{port}",
            account=ACCOUNT,
            folder=home,
            group=os.getpgid(pid),
            database=backend.database or f"sqlite:///{home / 'wharf.db'}",
            disk=Bucket(backend.ours) if backend.ours else Files(home),
        )


def _our_store(backend: Backend) -> dict[str, str]:
    settings = {} if backend.database is None else {"WHARF_DATABASE": backend.database}
    if backend.ours is None:
        return settings
    return settings | {
        "WHARF_STORAGE": f"s3://{backend.ours.bucket}",
        "WHARF_STORAGE_ENDPOINT": backend.ours.endpoint,
        "WHARF_STORAGE_REGION": backend.ours.region,
        "WHARF_STORAGE_ACCESS_KEY": backend.ours.access_key,
        "WHARF_STORAGE_SECRET_KEY": backend.ours.secret_key,
    }


@contextmanager
def docker_registry(folder: Path, backend: Backend) -> Iterator[Server]:
    """Debian's docker-registry without authentication, with the cache that Debian's own settings give it."""
    home, port = folder / "docker-registry", free_port()
    home.mkdir()
    settings = {**peer_settings(home / "data", backend.peer), "http": {"addr": f"127.0.0.1:{port}"}}
    (home / "config.yml").write_text(json.dumps(settings))  # JSON is YAML
    with program(
        [tool("docker-registry"), "serve", home / "config.yml"],
        folder / "docker-registry.log",
        ready=lambda: answers(port, "/v2/"),
        env={"AWS_CA_BUNDLE": ""},  # a machine that sets it keeps the registry's S3 driver from starting
    ) as pid:
        yield Server(
            name="docker-registry",
            host=f"127.0.0.1:{port}",
            account=None,
            folder=home,
            group=os.getpgid(pid),
            database="",
            disk=Bucket(backend.peer) if backend.peer else Files(home / "data"),
        )


def peer_settings(root: Path, store: S3 | None) -> dict[str, Any]:
    """Everything but the address."""
    return {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {
            "cache": {"blobdescriptor": "inmemory"},
            "delete": {"enabled": True},
            **({"s3": _peer_store(store), "redirect": {"disable": True}} if store else {}),
            **({} if store else {"filesystem": {"rootdirectory": str(root)}}),
        },
    }


def _peer_store(store: S3) -> dict[str, Any]:
    return {
        "region": store.region,
        "regionendpoint": store.endpoint,
        "bucket": store.bucket,
        "accesskey": store.access_key,
        "secretkey": store.secret_key,
        "secure": False,
    }


def memory(server: Server) -> dict[str, int]:
    """The most memory that each process of the server ever had resident, in bytes, by its name."""
    found = {}
    for pid in _processes(server.group):
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        words = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
        found[_process_name(words)] = int(status["VmHWM"].split()[0]) * 1024
    return found


def _process_name(words: Sequence[str]) -> str:
    """Its role where it is one of ours, else the program and what it does."""
    if "wharfinger.serving.child" in words:
        return " ".join(words[words.index("wharfinger.serving.child") + 1 :])
    return "docker-registry" if words[0].endswith("docker-registry") else "supervisor"


def _processes(group: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        # Any other process may end while we look.
        with suppress(FileNotFoundError, ProcessLookupError):
            if entry.name.isdigit() and os.getpgid(int(entry.name)) == group:
                yield int(entry.name)
