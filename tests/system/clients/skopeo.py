"""Copies between places, byte for byte if told to."""

from tests.kit.rootfs import TAG, Layout
from tests.system.clients.home import Home, Image, in_layout


def login(home: Home) -> None:
    """Remember the registry's credentials in this home, if it has any."""
    registry = home.registry
    if registry.is_anonymous:
        return
    words = ("--tls-verify=false", "--username", registry.username, "--password-stdin", registry.host)
    home.run("skopeo", "login", *words, stdin=registry.password)


def push(home: Home, layout: Layout, reference: str) -> None:
    """Copy everything that the layout's tag stands for."""
    login(home)
    copy(home, f"oci:{layout.folder}:{TAG}", f"docker://{reference}")


def pull(home: Home, reference: str) -> Image:
    """Copy the image into a layout."""
    return in_layout(pull_layout(home, reference))


def pull_layout(home: Home, reference: str) -> Layout:
    """Copy everything that the reference stands for into a layout."""
    login(home)
    layout = Layout(home.folder / "layout")
    copy(home, f"docker://{reference}", f"oci:{layout.folder}:{TAG}")
    return layout


def copy(home: Home, source: str, target: str) -> None:
    """Copy all platforms; an error if a manifest would have to change."""
    options = ("--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false")
    home.run("skopeo", "copy", *options, source, target)
