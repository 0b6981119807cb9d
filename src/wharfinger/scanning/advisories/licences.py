"""Under which terms the publishers of advisories give them out, as far as they say so."""

from collections.abc import Mapping

UNSTATED = "not stated"

_LICENCES: Mapping[str, str] = {
    "AlmaLinux": "MIT",
    "Debian": "facts; Debian Security Tracker",
    "GitHub": "CC-BY-4.0",
    "Go": "CC-BY-4.0",
    "PyPA": "CC-BY-4.0",
    "Red Hat": "CC-BY-4.0",
    "RustSec": "CC0-1.0",
    "Ubuntu": "CC-BY-SA-4.0",
}

FORBIDDEN = frozenset(("Chainguard", "Wolfi"))
"""Ecosystems whose advisories are given out for non-commercial use alone, so that they are not taken in."""


def licence(publisher: str) -> str:
    """The terms of a publisher."""
    return _LICENCES.get(publisher, UNSTATED)
