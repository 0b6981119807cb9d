"""go-containerregistry's client: byte for byte."""

from tests.kit.rootfs import Layout
from tests.system.clients.home import Home, Image, in_layout


def login(home: Home) -> None:
    """Remember the registry's credentials in this home, if it has any."""
    registry = home.registry
    if registry.is_anonymous:
        return
    words = ("--username", registry.username, "--password-stdin", registry.host)
    home.run("crane", "auth", "login", *words, stdin=registry.password)


def push(home: Home, layout: Layout, reference: str) -> None:
    """Push the image, or the index, that the layout holds."""
    login(home)
    home.run("crane", "push", layout.folder, reference)


def pull(home: Home, reference: str) -> Image:
    """Pull the image into a layout."""
    return in_layout(pull_layout(home, reference))


def pull_layout(home: Home, reference: str) -> Layout:
    """Pull everything that the reference stands for into a layout."""
    login(home)
    layout = Layout(home.folder / "layout")
    home.run("crane", "pull", "--format=oci", reference, layout.folder)
    return layout
