"""Which distribution it is: ``os-release``, which in ``/etc`` is mostly a link. Pure."""

import shlex
from collections.abc import Iterator

from wharfinger.scanning.cataloguers.kind import Cataloguer
from wharfinger.scanning.contents import File
from wharfinger.scanning.layers import Statement
from wharfinger.scanning.packages import Distribution

PLACES = ("etc/os-release", "usr/lib/os-release")
"""In this order, as os-release(5) has it."""


def _release(file: File) -> Iterator[Statement]:
    says = {}
    for line in file.text(64 * 1024).split("\n"):
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            says[name] = _unquoted(value)
    if says.get("ID"):
        yield Distribution(says["ID"].lower(), says.get("VERSION_ID", ""), says.get("VERSION_CODENAME", ""))


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value.strip("\"' ")


def accepts(path: str) -> bool:
    """Also what links in these places lead to: Fedora has a folder of them."""
    return path.startswith(("etc/", "usr/lib/")) and "os-release" in path.rpartition("/")[2]


OS_RELEASE = Cataloguer(
    "os-release",
    _release,
    names=frozenset({"os-release"}),
    folders=frozenset({"usr/lib/os.release.d"}),
    accepts=accepts,
    follows=True,
)
