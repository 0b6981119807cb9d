"""What the figures depend on: the machine and the versions."""

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

from bench.servers import Backend
from tests.kit.parts.tools import tool

_CHECKOUT = Path(__file__).parent.parent


def machine(folder: Path) -> dict[str, str]:
    """The machine, with the filesystem that folder is on."""
    return {
        "CPU": f"{_cpu()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "filesystem": _said("findmnt", "--noheadings", "--output", "FSTYPE,OPTIONS", "--target", str(folder)),
        "load before": f"{os.getloadavg()[0]:.2f}",
    }


def versions(backend: Backend) -> dict[str, str]:
    """Of everything that takes part."""
    found = {
        "wharfinger": f"{version('wharfinger')} ({_commit()})",
        "Python": platform.python_version(),
        "granian": version("granian"),
        "docker-registry": _said(str(tool("docker-registry")), "--version").split()[-1],
        "wrk": _said(str(tool("wrk")), "--version").split()[1],
        "crane": tool("crane").resolve().name.removeprefix("crane-"),  # built without a version of its own
    }
    if backend.database is None:
        return {**found, "SQLite": sqlite3.sqlite_version}
    return {**found, "PostgreSQL": _said(str(tool("postgres")), "--version").split()[2], "obstore": version("obstore")}


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    commit = _said("git", "-C", str(_CHECKOUT), "rev-parse", "--short", "HEAD")
    changed = _said("git", "-C", str(_CHECKOUT), "status", "--porcelain", "--untracked-files=no", "--", "src")
    return f"{commit} and changes" if changed else commit


def _said(*command: str) -> str:
    # Some of them print their version and then fail.
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return " ".join((result.stdout or result.stderr).split())
