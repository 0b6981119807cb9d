"""Where tests/install put things, and what happens to a test whose program is not there."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def _filled_by_install() -> Path:
    if chosen := os.environ.get("WHARF_TEST_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wharfinger"


# Looked up once: tests give what they test a home and a cache of its own.
_CACHE = _filled_by_install()


def cache() -> Path:
    """The folder that tests/install fills."""
    return _CACHE


def tool(name: str) -> Path:
    """The program of this name, from the cache or the system."""
    places = [str(cache() / "bin"), os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/lib/postgresql/15/bin"]
    found = shutil.which(name, path=os.pathsep.join(places))
    return Path(found) if found else unavailable(name)


def installed(name: str) -> Path:
    """What tests/install put into the cache under this name: a virtual environment or a folder of modules."""
    found = cache() / name
    return found if found.exists() else unavailable(name)


def unavailable(name: str, reason: str = "tests/install did not find or build it") -> NoReturn:
    """Skip the test that needs the program, except in CI, where everything must be there."""
    message = f"{name} is not available: {reason}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
