"""Podman: keeps an image's configuration as it is, and packs the layers anew."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.kit.rootfs import Layout
from tests.system.clients.home import Home, Image, in_docker_archive


def push(home: Home, layout: Layout, reference: str) -> None:
    """Take the image into a storage of its own and push it from there."""
    with podman(home) as run:
        image = run("pull", "--quiet", f"oci-archive:{home.archive(layout)}").strip()
        run("push", "--tls-verify=false", image, f"docker://{reference}")


def pull(home: Home, reference: str) -> Image:
    """Pull the image into a storage of its own."""
    saved = home.folder / "saved.tar"
    with podman(home) as run:
        run("pull", "--tls-verify=false", reference)
        run("save", "--format", "docker-archive", "--output", saved, reference)
        digest = run("inspect", "--format", "{{.Digest}}", reference).strip()
    return in_docker_archive(saved, digest)


@contextmanager
def podman(home: Home) -> Iterator[Callable[..., str]]:
    """Podman with its storage in this home, logged in to the registry; its run folder's path must be short."""
    registry = home.registry
    with TemporaryDirectory(prefix="wharf-podman-") as run_folder:
        storage = ("--root", home.folder / "storage", "--runroot", run_folder, "--storage-driver", "vfs")

        def run(*words: str | Path, stdin: str = "") -> str:
            return home.run("podman", *storage, "--cgroup-manager", "cgroupfs", *words, stdin=stdin)

        words = ("--tls-verify=false", "--username", registry.username, "--password-stdin", registry.host)
        if not registry.is_anonymous:
            run("login", *words, stdin=registry.password)
        yield run
