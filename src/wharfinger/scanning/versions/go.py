"""Go: semantic versions with a ``v``, and the toolchain's own names of its releases (``go1.21rc2``)."""

import re

from wharfinger.scanning.versions import semver

_RELEASE = re.compile(r"(?:go)?([0-9]+\.[0-9]+(?:\.[0-9]+)?)((?:alpha|beta|rc)[0-9]+)?")


def key(version: str) -> bytes:
    # A toolchain built with experiments says so after a blank, or after `-X:`; the release is the same.
    plain = version.split(" ", 1)[0].split("-X:", 1)[0]
    match = _RELEASE.fullmatch(plain)
    if match is None:
        return semver.key(plain)
    numbers, before = match.groups()
    return semver.key(f"{numbers}{'-' + _dotted(before) if before else ''}")


def _dotted(before: str) -> str:
    """``rc2`` as govulncheck reads it, so that rc10 comes after rc2."""
    return re.sub(r"([a-z]+)([0-9]+)", r"\1.\2", before)
