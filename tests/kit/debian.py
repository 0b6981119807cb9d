"""A whole Debian 12 to look at: from `main` alone, set up, the same bytes for the same packages. Built once."""

import hashlib
import os
from pathlib import Path

from tests.kit.parts.process import run
from tests.kit.parts.tools import cache, tool

PACKAGES = ("python3-minimal", "python3-pkg-resources", "curl", "libjackson2-core-java")
_SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d/debian.sources"))


def debian() -> bytes:
    """A tar of its files."""
    path = cache() / "images" / f"debian-{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]}.tar"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        run(
            [
                *(tool("mmdebstrap"), "--mode=root", "--format=tar", "--variant=minbase", "--skip=output/dev"),
                f"--include={','.join(PACKAGES)}",
                '--customize-hook=rm -rf "$1"/var/lib/apt "$1"/var/cache/apt',
                *("bookworm", unfinished),
                *(source for source in _SOURCES if source.exists()),
            ],
            env={"SOURCE_DATE_EPOCH": "1700000000"},
            seconds=900,
        )
        unfinished.rename(path)
    return path.read_bytes()
