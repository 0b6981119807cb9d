"""Package URLs, written as the specification has them, a few microseconds each. Pure."""

import re
from urllib.parse import quote

from wharfinger.scanning.packages import Distribution

_PLAIN = re.compile(r"[A-Za-z0-9._~-]*").fullmatch
_OF_DISTRIBUTIONS = frozenset({"deb", "apk", "rpm"})


def purl(type: str, name: str, version: str, distribution: Distribution | None = None, arch: str = "") -> str:
    """The package's URL. A distribution's package has the distribution as its namespace, and says which release."""
    if type in _OF_DISTRIBUTIONS:
        return _distributed(type, name, version, distribution, arch)
    return f"pkg:{type}/{_path(type, name)}{_at(version)}"


def _distributed(type: str, name: str, version: str, distribution: Distribution | None, arch: str) -> str:
    epoch = ""
    if type == "rpm" and ":" in version:
        epoch, _, version = version.partition(":")
    says = {"arch": arch, "distro": "", "epoch": epoch}
    namespace = ""
    if distribution is not None:
        namespace = f"{_encoded(distribution.id)}/"
        says["distro"] = f"{distribution.id}-{distribution.version}" if distribution.version else distribution.id
    qualifiers = "&".join(f"{key}={_encoded(value)}" for key, value in says.items() if value)
    name = name if type == "rpm" else name.lower()
    return f"pkg:{type}/{namespace}{_encoded(name)}{_at(version)}{'?' if qualifiers else ''}{qualifiers}"


def _path(type: str, name: str) -> str:
    """Namespace and name: a group, a scope, a vendor, or the way to a Go module."""
    if type == "maven":
        return "/".join(_encoded(part) for part in name.split(":", 1))
    if type in ("npm", "golang", "composer"):
        return "/".join(_encoded(part) for part in name.split("/"))
    return _encoded(name)


def _at(version: str) -> str:
    return f"@{_encoded(version)}" if version else ""


def _encoded(text: str) -> str:
    return text if _PLAIN(text) else quote(text, safe="-._~:")
