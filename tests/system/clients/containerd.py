"""containerd, by its own client ctr: byte for byte."""

from pathlib import Path

from tests.kit.parts.docker import Docker, docker
from tests.kit.parts.process import ProgramFailed
from tests.kit.rootfs import TAG, Layout
from tests.system.clients.home import Home, Image, in_layout

# The second is between it and its own daemon; what it says of a registry is worded otherwise.
FALLS = ("panic: send on closed channel", "failed to send write: transport is closing")


def push(home: Home, layout: Layout, reference: str) -> None:
    """Import the layout into a containerd of its own and push it from there."""
    archive = home.archive(layout)
    with docker(home.folder) as engine:
        name = reference.removesuffix(f":{TAG}")
        ctr(home, engine, "import", "--all-platforms", "--no-unpack", "--base-name", name, archive)
        _copied(home, engine, "push", reference)


def pull(home: Home, reference: str) -> Image:
    """Pull the image with a containerd of its own."""
    return in_layout(pull_layout(home, reference))


def pull_layout(home: Home, reference: str) -> Layout:
    """Pull everything that the reference stands for with a containerd of its own, and export it."""
    layout, archive = Layout(home.folder / "layout"), home.folder / "exported.tar"
    layout.folder.mkdir(parents=True)
    with docker(home.folder) as engine:
        _copied(home, engine, "pull", "--all-platforms", "--snapshotter", "native", reference)
        ctr(home, engine, "export", "--all-platforms", archive, reference)
    home.run("tar", "--extract", "--file", archive, "--directory", layout.folder)
    return layout


def ctr(home: Home, engine: Docker, command: str, *words: str | Path) -> None:
    """Run a command about images."""
    home.run("ctr", "--address", engine.containerd, "--namespace", "tests", "images", command, *words)


def _copied(home: Home, engine: Docker, command: str, *words: str | Path) -> None:
    """Push or pull; once more where ctr 1.6 fell over its own feet, which it does now and then on a busy machine."""
    try:
        ctr(home, engine, command, *_access(home), *words)
    except ProgramFailed as failed:
        if not any(own in str(failed) for own in FALLS):
            raise
        ctr(home, engine, command, *_access(home), *words)


def _access(home: Home) -> tuple[str, ...]:
    if home.registry.is_anonymous:
        return ("--plain-http",)
    return ("--plain-http", "--user", f"{home.registry.username}:{home.registry.password}")
