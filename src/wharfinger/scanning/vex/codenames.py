"""Releases by the names that people call them, where an image does not say its own: bookworm is 12. Pure."""

from collections.abc import Mapping

_NAMES = {
    "debian": ("wheezy 7, jessie 8, stretch 9, buster 10, bullseye 11, bookworm 12, trixie 13, forky 14, duke 15"),
    "ubuntu": (
        "trusty 14.04, xenial 16.04, bionic 18.04, focal 20.04, jammy 22.04, lunar 23.04, mantic 23.10, noble 24.04,"
        " oracular 24.10, plucky 25.04, questing 25.10"
    ),
}

VERSIONS: Mapping[tuple[str, str], str] = {
    (id, name): version for id, names in _NAMES.items() for name, version in (each.split() for each in names.split(","))
}
"""The release by the distribution and the name."""
