"""Docker: keeps an image's configuration as it is, packs the layers anew, writes a manifest of its own kind."""

from tests.kit.parts.docker import Docker, docker
from tests.kit.rootfs import TAG, Layout
from tests.system.clients.home import Home, Image, in_docker_archive


def login(home: Home, engine: Docker) -> None:
    """Remember the registry's credentials in this home, if it has any."""
    registry = home.registry
    if registry.is_anonymous:
        return
    words = ("--username", registry.username, "--password-stdin", registry.host)
    home.run("docker", "--host", engine.host, "login", *words, stdin=registry.password)


def push(home: Home, layout: Layout, reference: str) -> None:
    """Load the image into an engine of its own and push it from there."""
    archive = home.folder / "image.tar"
    home.run("skopeo", "copy", f"oci:{layout.folder}:{TAG}", f"docker-archive:{archive}:{reference}")
    with docker(home.folder) as engine:
        login(home, engine)
        home.run("docker", "--host", engine.host, "load", "--input", archive)
        home.run("docker", "--host", engine.host, "push", reference)


def pull(home: Home, reference: str) -> Image:
    """Pull the image with an engine of its own."""
    saved = home.folder / "saved.tar"
    with docker(home.folder) as engine:
        login(home, engine)
        home.run("docker", "--host", engine.host, "pull", reference)
        home.run("docker", "--host", engine.host, "save", "--output", saved, reference)
        known = ("inspect", "--format", "{{index .RepoDigests 0}}", reference)
        digest = home.run("docker", "--host", engine.host, *known).strip().split("@")[1]
    return in_docker_archive(saved, digest)
