"""Distributions as CPE names them, by which CSAF says for which of them a statement about a package is made. Pure."""

import re
from collections.abc import Mapping

from wharfinger.scanning.packages import Distribution
from wharfinger.scanning.vex.purls import release

_PARTS = re.compile(r"cpe:(?:/|2\.3:)[ao]:([^:]+):([^:]+)(?::([^:]+))?")
_IDS: Mapping[tuple[str, str], str] = {
    ("almalinux", "almalinux"): "almalinux",
    ("alpinelinux", "alpine_linux"): "alpine",
    ("amazon", "linux"): "amzn",
    ("canonical", "ubuntu_linux"): "ubuntu",
    ("debian", "debian_linux"): "debian",
    ("fedoraproject", "fedora"): "fedora",
    ("oracle", "linux"): "ol",
    ("redhat", "enterprise_linux"): "rhel",
    ("rocky", "rocky"): "rocky",
    ("rockylinux", "rocky_linux"): "rocky",
    ("suse", "sles"): "sles",
}
_ANY = frozenset({"", "*", "-"})


def is_of(cpe: str, distribution: Distribution | None) -> bool:
    """Whether a CPE is that of this distribution's release; one without a version is that of all its releases."""
    found = _PARTS.match(cpe.lower())
    if found is None or distribution is None or _IDS.get((found[1], found[2])) != distribution.id:
        return False
    version = found[3] or ""
    return version in _ANY or release(distribution.id, version) == release(distribution.id, distribution.version)
