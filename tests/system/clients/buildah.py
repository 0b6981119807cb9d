"""Buildah: keeps an image's configuration as it is, and packs the layers anew."""

from pathlib import Path

from tests.kit.rootfs import Layout
from tests.system.clients.home import Home, Image, in_docker_archive


def login(home: Home) -> None:
    """Remember the registry's credentials in this home, if it has any."""
    registry = home.registry
    if registry.is_anonymous:
        return
    words = ("--tls-verify=false", "--username", registry.username, "--password-stdin", registry.host)
    buildah(home, "login", *words, stdin=registry.password)


def push(home: Home, layout: Layout, reference: str) -> None:
    """Take the image into a storage of its own and push it from there."""
    login(home)
    image = buildah(home, "pull", "--quiet", f"oci-archive:{home.archive(layout)}").strip()
    buildah(home, "push", "--tls-verify=false", image, f"docker://{reference}")


def pull(home: Home, reference: str) -> Image:
    """Pull the image into a storage of its own."""
    login(home)
    saved = home.folder / "saved.tar"
    buildah(home, "pull", "--tls-verify=false", reference)
    buildah(home, "push", reference, f"docker-archive:{saved}:{reference}")
    digest = buildah(home, "inspect", "--type", "image", "--format", "{{.FromImageDigest}}", reference).strip()
    return in_docker_archive(saved, digest)


def buildah(home: Home, *words: str | Path, stdin: str = "") -> str:
    """What Buildah says when it works on the storage in this home."""
    storage = ("--root", home.folder / "storage", "--runroot", home.folder / "run", "--storage-driver", "vfs")
    return home.run("buildah", *storage, *words, stdin=stdin)
