"""NuGet: semantic versions with up to four numbers, whose letters' case does not count."""

import re

from wharfinger.scanning.versions.encoding import VersionInvalid, checked, number
from wharfinger.scanning.versions.semver import prerelease

_GRAMMAR = re.compile(r"v?([0-9]+(?:\.[0-9]+){0,3})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?")


def key(version: str) -> bytes:
    match = _GRAMMAR.fullmatch(checked(version))
    if match is None:
        raise VersionInvalid(f"{version!r} is no NuGet version")
    numbers, before = match.groups()
    parts = [*numbers.split("."), "", "", ""][:4]
    return b"".join(map(number, parts)) + prerelease(before.lower() if before else None)
