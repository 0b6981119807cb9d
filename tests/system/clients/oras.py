"""The OCI artifact client: byte for byte."""

from tests.kit.rootfs import TAG, Layout
from tests.system.clients.home import Home, Image, in_layout


def login(home: Home) -> None:
    """Remember the registry's credentials in this home, if it has any."""
    registry = home.registry
    if registry.is_anonymous:
        return
    words = ("--username", registry.username, "--password-stdin", registry.host)
    home.run("oras", "login", "--plain-http", *words, stdin=registry.password)


def push(home: Home, layout: Layout, reference: str) -> None:
    """Copy everything that the layout's tag stands for."""
    login(home)
    home.run("oras", "cp", "--from-oci-layout", f"{layout.folder}:{TAG}", "--to-plain-http", reference)


def pull(home: Home, reference: str) -> Image:
    """Copy the image into a layout."""
    return in_layout(pull_layout(home, reference))


def pull_layout(home: Home, reference: str) -> Layout:
    """Copy everything that the reference stands for into a layout."""
    login(home)
    layout = Layout(home.folder / "layout")
    home.run("oras", "cp", "--from-plain-http", reference, "--to-oci-layout", f"{layout.folder}:{TAG}")
    return layout
